//! What the user sets, read once, and the log.

use std::{env, path::PathBuf, str::FromStr, sync::OnceLock};

use tracing_subscriber::filter::LevelFilter;
use wayfence::synchronisation::Choice;

/// The `WAYFENCE_…` variables.
pub struct Settings {
    /// `WAYFENCE_SYNC`; the text that could not be understood, else.
    pub synchronisation: Result<Choice, wayfence::error::Error>,
    /// `WAYFENCE_REPORT`: the file to which each swapchain appends its report.
    pub report: Option<PathBuf>,
}

/// The settings of this process.
pub fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| Settings {
        synchronisation: env::var("WAYFENCE_SYNC").map_or(Ok(Choice::Auto), |text| text.parse()),
        report: env::var_os("WAYFENCE_REPORT")
            .filter(|path| !path.is_empty() && !is_privileged())
            .map(PathBuf::from),
    })
}

/// Whether the process has more rights than its user: then the user does not get to say what it
/// writes.
fn is_privileged() -> bool {
    // SAFETY: a read of the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Starts the log, on standard error: warnings and errors, or what `WAYFENCE_LOG` says (`off`, `error`,
/// `warn`, `info`, `debug`, `trace`).
///
/// The subscriber is this library's own: the host's Rust code, if any, has another copy of `tracing`.
pub fn start_log() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let wanted = env::var("WAYFENCE_LOG").ok();
        let level = wanted.as_deref().map(LevelFilter::from_str);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(match level {
                Some(Ok(level)) => level,
                _ => LevelFilter::WARN,
            })
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .with_target(false)
            .without_time()
            .finish();
        // Only a second start could fail.
        let _ = tracing::subscriber::set_global_default(subscriber);
        if let (Some(wanted), Some(Err(_))) = (wanted, level) {
            tracing::warn!(
                value = wanted,
                "WAYFENCE_LOG is not off, error, warn, info, debug or trace: warn is used"
            );
        }
    });
}
