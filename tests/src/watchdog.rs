//! The end of a test that hangs.

use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, getpid};

use crate::compositor::Compositor;

/// Ends the process with a message unless it is dropped in time.
pub struct Watchdog {
    _stop: Sender<()>,
}

impl Watchdog {
    /// Allows `limit`. `what` names what hangs otherwise. The end is [`end`].
    pub fn new(limit: Duration, what: &'static str) -> Self {
        let (stop, stopped) = mpsc::channel();
        thread::spawn(move || {
            if stopped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                end(limit, what);
            }
        });
        Self { _stop: stop }
    }
}

/// Aborts a process in which `what` hangs for `limit`.
///
/// Prints before where every thread is, here and in the session's compositor, as far as there is a debugger, and what
/// the kernel has said last, and lets that compositor go on, which others need.
pub fn end(limit: Duration, what: &str) -> ! {
    let compositor = Compositor::if_known();
    if let Some(compositor) = compositor {
        print_messages();
        print_threads(compositor.process());
    }
    print_threads(getpid());
    // Last: a debugger that came to no end may have stopped it, too.
    if let Some(compositor) = compositor {
        compositor.go_on();
    }
    eprintln!("hangs for {limit:?}: {what}");
    std::process::abort();
}

/// Prints the kernel's last messages, with their times since its start.
fn print_messages() {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    eprintln!("after {} s:", uptime.split(' ').next().unwrap_or_default());
    let Ok(output) = Command::new("dmesg").output() else {
        return;
    };
    let messages = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = messages.lines().collect();
    for line in &lines[lines.len().saturating_sub(5)..] {
        eprintln!("  {line}");
    }
}

/// Prints the state of a process, and of each thread in which functions it is, the innermost first.
fn print_threads(process: Pid) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("Name:") || line.starts_with("State:"));
    eprintln!("{}", lines.collect::<Vec<_>>().join(" "));
    let debugger = Command::new("timeout")
        .args(["60", "gdb", "-batch", "-p"])
        .arg(process.to_string())
        .args(["-ex", "thread apply all backtrace 16"])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = debugger else { return };
    for (thread, functions) in threads(&String::from_utf8_lossy(&output.stdout)) {
        eprintln!("  {thread}: {}", functions.join(" < "));
    }
}

/// The threads in a debugger's output, and their functions. How the C library waits is left out.
fn threads(output: &str) -> Vec<(&str, Vec<&str>)> {
    let mut threads: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in output.lines() {
        // Thread 2 (Thread 0x8519c6c0 (LWP 138) "QQmlThread"):
        if line.starts_with("Thread ") {
            threads.push((line.split('"').nth(1).unwrap_or(line), Vec::new()));
        }
        // #3  0x0000000043ec749e in __GI_ppoll (fds=...) at ../sysdeps/unix/sysv/linux/ppoll.c:42
        // #4  0x000000004504a65e in ?? () from /usr/lib/x86_64-linux-gnu/libglib-2.0.so.0
        let Some((_, functions)) = threads.last_mut().filter(|_| line.starts_with('#')) else {
            continue;
        };
        let (called, place) = line.split_once(" (").unwrap_or((line, ""));
        let name = called.rsplit("  ").next().unwrap_or(called);
        let name = name.rsplit(" in ").next().unwrap_or(name);
        let name = name.split_once('<').map_or(name, |(name, _)| name);
        match place.rsplit_once('/') {
            Some((_, library)) if name == "??" => functions.push(library),
            _ if name.starts_with("__") && !name.starts_with("__GI_") => {}
            _ => functions.push(name),
        }
    }
    threads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_its_name_and_its_functions() {
        let output = r#"[New LWP 138]
Thread 2 (Thread 0x8519c6c0 (LWP 138) "QQmlThread"):
#0  __syscall_cancel_arch () at ../sysdeps/unix/sysv/linux/x86_64/syscall_cancel.S:56
#1  0x0000000043ec749e in __GI_ppoll (fds=..., nfds=...) at ../sysdeps/unix/sysv/linux/ppoll.c:42
#2  0x000000004504a65e in ?? () from /usr/lib/x86_64-linux-gnu/libglib-2.0.so.0
#3  0x00005500000578ee in ?? ()
Thread 1 (Thread 0x4b344540 (LWP 99) "progress"):
#0  std::sync::mpmc::list::Channel::recv<test::event> () at library/std/src/sync/mpmc/list.rs:442
(More stack frames follow...)
"#;
        let expected = [
            ("QQmlThread", vec!["__GI_ppoll", "libglib-2.0.so.0", "??"]),
            ("progress", vec!["std::sync::mpmc::list::Channel::recv"]),
        ];
        assert_eq!(threads(output), expected);
    }
}
