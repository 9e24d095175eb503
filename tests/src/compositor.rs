//! The compositor of this session, as far as a test may touch it.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};

/// Makes a session on sway, which minimises no window, go to a workspace without windows. Others stay where
/// they are.
///
/// # Panics
/// If sway does not do it.
pub fn leave_workspace() {
    static WORKSPACES: AtomicU32 = AtomicU32::new(0);
    let number = WORKSPACES.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}", std::process::id());
    tell_sway(&["workspace", &name]);
}

/// Shows windows again that were hidden, as far as the compositor takes orders: sway goes back to the workspace
/// that it [left](leave_workspace) last, and KWin unfolds what was minimised.
///
/// # Panics
/// If the compositor does not do it.
pub fn bring_back() {
    tell_sway(&["workspace", "back_and_forth"]);
    if env::var("WAYFENCE_COMPOSITOR").as_deref() == Ok("kwin") {
        let script = env::temp_dir().join(format!("wayfence-{}.js", std::process::id()));
        let all = "workspace.windowList().forEach(window => { window.minimized = false; });";
        fs::write(&script, all).expect("a script");
        let load = format!("string:{}", script.display());
        tell_kwin(&["org.kde.kwin.Scripting.loadScript", &load]);
        tell_kwin(&["org.kde.kwin.Scripting.start"]);
    }
}

/// Calls a method of KWin's scripting.
fn tell_kwin(call: &[&str]) {
    let status = Command::new("dbus-send")
        .args(["--session", "--print-reply", "--dest=org.kde.KWin"])
        .arg("/Scripting")
        .args(call)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("dbus-send");
    assert!(status.success(), "{status}");
}

/// Tells sway to do this; other compositors nothing.
fn tell_sway(command: &[&str]) {
    if env::var("WAYFENCE_COMPOSITOR").as_deref() != Ok("sway") {
        return;
    }
    let runtime = env::var("XDG_RUNTIME_DIR").expect("a session");
    let socket = fs::read_dir(runtime)
        .expect("the session's folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().contains("/sway-ipc."))
        .expect("sway's socket");
    let status = Command::new("swaymsg")
        .arg("-s")
        .arg(socket)
        .arg("-q")
        .args(command)
        .status()
        .expect("swaymsg");
    assert!(status.success(), "{status}");
}

/// The compositor's process (`WAYFENCE_COMPOSITOR_PID`).
#[derive(Clone, Copy)]
pub struct Compositor(Pid);

impl Compositor {
    /// # Panics
    /// If the session did not say which process it is.
    pub fn of_the_session() -> Self {
        let pid = env::var("WAYFENCE_COMPOSITOR_PID")
            .ok()
            .and_then(|pid| pid.parse().ok())
            .and_then(Pid::from_raw)
            .expect(
                "WAYFENCE_COMPOSITOR_PID must name the compositor's process, \
                 which this test stops: scripts/guest/session sets it",
            );
        Self(pid)
    }

    /// It does nothing any more, but its connections stay open, until what this returns is dropped.
    pub fn freeze(self) -> Frozen {
        kill_process(self.0, Signal::STOP).expect("the compositor runs");
        Frozen(self)
    }

    /// It is gone, without a word.
    pub fn kill(self) {
        kill_process(self.0, Signal::KILL).expect("the compositor runs");
    }
}

/// A compositor that stands still. It goes on where it was when this is dropped, however the test
/// ends.
#[must_use]
pub struct Frozen(Compositor);

impl Drop for Frozen {
    fn drop(&mut self) {
        // The test may have killed it.
        let _ = kill_process(self.0.0, Signal::CONT);
    }
}
