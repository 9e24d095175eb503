//! strace, on the thread that draws, while frames are measured.

use std::{
    fs, io,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::gettid;
use wayfence_bench::strace::OPTIONS;

/// How long strace may take to attach.
const PATIENCE: Duration = Duration::from_secs(60);

/// strace, attached to a thread of this process. Started no earlier than needed: it unwinds the stack of every
/// system call, and a starting program makes thousands.
pub struct Tracer(Child);

impl Tracer {
    /// Traces the calling thread, and writes the trace to `file`.
    ///
    /// # Errors
    /// If strace cannot be started, or does not attach to the thread.
    pub fn attach(file: &Path) -> io::Result<Self> {
        let any: libc::c_long = -1;
        // SAFETY: it takes a number and changes who may trace this process (`PR_SET_PTRACER_ANY`). Where
        // the kernel has no such rule it is refused, and not needed.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, any) };
        let thread = gettid().as_raw_nonzero().to_string();
        let child = Command::new("strace")
            .args(OPTIONS)
            .arg("-o")
            .arg(file)
            .args(["-p", &thread])
            .env_remove("LD_PRELOAD")
            .stdin(Stdio::null())
            .spawn()?;
        let mut tracer = Tracer(child);
        let begun = Instant::now();
        while !is_traced()? {
            if let Some(status) = tracer.0.try_wait()? {
                return Err(io::Error::other(format!("strace: {status}")));
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("strace does not attach"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(tracer)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // strace detaches and ends.
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        let _ = self.0.wait();
    }
}

/// Whether the calling thread is traced (`proc_pid_status(5)`).
fn is_traced() -> io::Result<bool> {
    let status = fs::read_to_string("/proc/thread-self/status")?;
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"));
    Ok(tracer.is_some_and(|tracer| tracer.trim() != "0"))
}
