//! The compositor of this session, as far as a test may touch it.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};

/// Switches sway, which minimises no window, to a workspace without windows. Does nothing on other compositors.
///
/// # Panics
/// If sway refuses.
pub fn leave_workspace() {
    static WORKSPACES: AtomicU32 = AtomicU32::new(0);
    let number = WORKSPACES.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}", std::process::id());
    tell_sway(&["workspace", &name]);
}

/// Shows hidden windows again, on compositors that can be told to: sway goes back to the workspace that it
/// [left](leave_workspace) last, and KWin unminimises its windows.
///
/// # Panics
/// If the compositor refuses.
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

/// Sends sway a command; does nothing on other compositors.
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
    /// If the session does not name its process.
    pub fn of_the_session() -> Self {
        Self::if_known().expect(
            "WAYFENCE_COMPOSITOR_PID must name the compositor's process, \
             which this test stops: scripts/guest/session sets it",
        )
    }

    /// If the session names its process.
    pub fn if_known() -> Option<Self> {
        let pid = env::var("WAYFENCE_COMPOSITOR_PID").ok()?;
        pid.parse().ok().and_then(Pid::from_raw).map(Self)
    }

    /// Its process.
    pub fn process(self) -> Pid {
        self.0
    }

    /// Lets it go on if it is stopped.
    pub fn go_on(self) {
        // The test may have killed it.
        let _ = kill_process(self.0, Signal::CONT);
    }

    /// Stops its process, with its connections open, until the answer is dropped.
    pub fn freeze(self) -> Frozen {
        kill_process(self.0, Signal::STOP).expect("the compositor runs");
        Frozen(self)
    }

    /// Kills it.
    pub fn kill(self) {
        kill_process(self.0, Signal::KILL).expect("the compositor runs");
    }
}

/// A stopped compositor, which continues when this is dropped, however the test ends.
#[must_use]
pub struct Frozen(Compositor);

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.go_on();
    }
}
