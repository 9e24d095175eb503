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
    if let Some(compositor) = Compositor::if_known() {
        print_messages();
        print_threads(compositor.process());
        compositor.go_on();
    }
    print_threads(getpid());
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

/// Prints the state of a process, and the functions in which its threads are, the deepest of them alone.
fn print_threads(process: Pid) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("Name:") || line.starts_with("State:"));
    eprintln!("{}", lines.collect::<Vec<_>>().join(" "));
    let debugger = Command::new("timeout")
        .args(["60", "gdb", "-batch", "-p"])
        .arg(process.to_string())
        .args([
            "-ex",
            "set print frame-arguments none",
            "-ex",
            "thread apply all backtrace 12",
        ])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = debugger else { return };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // "Thread 2 (...)", and then "#0  0x... in poll () from /lib/libc.so.6".
        if line.starts_with("Thread ") || line.starts_with('#') {
            eprintln!("  {line}");
        }
    }
}
