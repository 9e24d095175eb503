//! The application's settings (`VK_EXT_layer_settings`), and the user's, which override them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use wayfence::report;
use wayfence_tests::child::{on, probe};
use wayfence_tests::layers::WAYFENCE;

/// Without settings the log is quiet, and the layer chooses the way of synchronisation.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn the_application_chooses_synchronisation_and_report() {
    let run = Run::new(&["sync=cpu"], &[]);
    assert_eq!(run.synchronisation().as_deref(), Some("cpu"));
    assert_eq!(run.log, "");
    let run = Run::new(&["sync=implicit"], &[]);
    assert_eq!(run.synchronisation().as_deref(), Some("implicit"));
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn the_users_choice_goes_before_the_applications() {
    let elsewhere = std::env::temp_dir().join(format!("wayfence-user-{}", std::process::id()));
    let run = Run::new(
        &["sync=cpu", "log=info"],
        &[
            ("WAYFENCE_SYNC", "implicit"),
            ("WAYFENCE_LOG", "off"),
            ("WAYFENCE_REPORT", elsewhere.to_str().unwrap()),
        ],
    );
    assert_eq!(run.synchronisation(), None, "the report went elsewhere");
    let reports = report::read(&elsewhere).unwrap();
    fs::remove_file(&elsewhere).unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].synchronisation, "implicit");
    assert_eq!(run.log, "");
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn the_application_chooses_how_loud_the_log_is() {
    let run = Run::new(&["log=info"], &[]);
    assert!(run.log.contains("INFO"), "{}", run.log);
    assert!(!run.log.contains("DEBUG"), "{}", run.log);
    assert!(run.succeeded);
    // An empty variable counts as unset.
    let run = Run::new(&["log=info"], &[("WAYFENCE_LOG", "")]);
    assert!(run.log.contains("INFO"), "{}", run.log);
    let run = Run::new(&["log=nonsense"], &[]);
    assert!(run.log.contains("nonsense"), "{}", run.log);
    assert!(run.succeeded);
}

/// "the value of the first reference of the layer setting is used".
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn the_first_of_two_values_counts() {
    let run = Run::new(&["sync=cpu", "sync=implicit"], &[]);
    assert_eq!(run.synchronisation().as_deref(), Some("cpu"));
}

/// As with the variable, a misspelt way is an error at swapchain creation, which says where it was set.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn an_unknown_way_of_synchronisation_is_an_error() {
    let run = Run::new(&["sync=nonsense"], &[]);
    assert!(!run.succeeded);
    let line = run
        .log
        .lines()
        .find(|line| line.contains("vkCreateSwapchainKHR") && line.contains("nonsense"));
    assert!(
        line.is_some_and(|line| line.contains("`sync`")),
        "{}",
        run.log
    );
}

/// A program that draws a few frames, with settings of its own and of the user's.
struct Run {
    report: PathBuf,
    log: String,
    succeeded: bool,
}

impl Run {
    fn new(settings: &[&str], variables: &[(&str, &str)]) -> Self {
        let report = std::env::temp_dir().join(format!("wayfence-report-{}", std::process::id()));
        let _ = fs::remove_file(&report);
        let mut command: Command = on(probe(), &[WAYFENCE]);
        command
            .args(["frames", "5"])
            .args(settings)
            .arg(format!("report={}", report.display()))
            .env_remove("WAYFENCE_SYNC")
            .env_remove("WAYFENCE_LOG")
            // The probe sets a report file if there is none.
            .env("WAYFENCE_REPORT", "")
            .envs(variables.iter().copied());
        let Output { status, stderr, .. } = command.output().unwrap();
        Self {
            report,
            log: String::from_utf8_lossy(&stderr).into_owned(),
            succeeded: status.success(),
        }
    }

    /// The way in the application's report, if there is one.
    fn synchronisation(&self) -> Option<String> {
        if !self.report.exists() {
            return None;
        }
        let mut reports = report::read(&self.report).unwrap();
        assert_eq!(reports.len(), 1);
        reports.pop().map(|report| report.synchronisation)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.report);
    }
}
