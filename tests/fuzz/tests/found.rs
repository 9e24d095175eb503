//! What was found, where the bytes of a story say too little.

use std::process::Output;
use std::time::Duration;

use wayfence_fuzz::{files, frames, replay};
use wayfence_tests::installation::Installation;
use wayfence_tests::watchdog::Watchdog;

/// A frame that is to be shown so long after the one before it counts from when that was shown. A compositor that says
/// that this will be in a year must not stop the application until then.
#[test]
fn a_frame_that_is_said_to_be_shown_in_a_year_holds_up_nobody() {
    let _watchdog = Watchdog::new(Duration::from_secs(20), "a frame after one in a year");
    let took = frames::after_a_frame_of_the_future(Duration::from_secs(365 * 24 * 3600));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// The command on whatever a file says: it answers, and prints nothing that a terminal would obey.
#[test]
fn the_command_answers_whatever_a_file_says() {
    let here = Installation::bare("fuzz");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file").display().to_string();
    let drawing = folder.path().join("drawing.svg").display().to_string();
    for (name, text, commands) in [
        (
            "report",
            files::report_text as fn(&[u8]) -> Vec<u8>,
            &[&["report", &path][..]][..],
        ),
        (
            "trace",
            files::trace_text,
            &[
                &["trace", "summary", &path],
                &["trace", "summary", "--json", &path],
                &["trace", "plot", "--output", &drawing, &path],
            ],
        ),
    ] {
        for (of, bytes) in replay::corpus(name) {
            std::fs::write(&path, text(&bytes)).unwrap();
            for command in commands {
                let _watchdog = Watchdog::new(replay::PATIENCE, "the command");
                let output = here
                    .command(command)
                    .env("XDG_RUNTIME_DIR", folder.path())
                    .output();
                judge(
                    &format!("{command:?} of {}", of.display()),
                    &output.unwrap(),
                );
            }
        }
    }
    for (of, bytes) in replay::corpus("live") {
        let runtime = tempfile::tempdir().unwrap();
        files::live_folder(runtime.path(), &bytes);
        let _watchdog = Watchdog::new(replay::PATIENCE, "wayfence top");
        let command = &["top", "--once", "--json", "--interval", "0.1"];
        let output = here
            .command(command)
            .env("XDG_RUNTIME_DIR", runtime.path())
            .output();
        judge(
            &format!("{command:?} of {}", of.display()),
            &output.unwrap(),
        );
    }
}

/// A drawing has a lane for each image that the trace speaks of: four thousand million are a lie.
#[test]
fn a_swapchain_of_more_images_than_there_can_be_is_not_drawn() {
    let here = Installation::bare("fuzz-lanes");
    let folder = tempfile::tempdir().unwrap();
    let [path, drawing] = ["trace", "drawing.svg"].map(|name| folder.path().join(name));
    std::fs::write(
        &path,
        r#"[{"name":"wayfence","ph":"M","pid":7,"args":{"version":1,"application":"cube"}},
            {"name":"swapchain","ph":"i","ts":0,"args":{"swapchain":1,"synchronisation":"implicit",
             "compositor":"weston","extent":[8,8],"images":4294967295,"mode":"FIFO"}},
            {"name":"commit","ph":"i","ts":1,"args":{"swapchain":1,"frame":1,"image":0,"handed_ns":0,"paced_ns":0}}]"#,
    )
    .unwrap();
    let _watchdog = Watchdog::new(replay::PATIENCE, "a drawing");
    let [path, drawing] = [path, drawing].map(|path| path.display().to_string());
    let output = here.output(&["trace", "plot", "--output", &drawing, &path]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("4294967295 images"), "{told}");
}

fn judge(what: &str, output: &Output) {
    let code = output.status.code();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0..=3)), "{what}: {code:?}\n{told}");
    assert!(!told.contains("panicked"), "{what}: {told}");
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(obeyed), "{what}: {text:?}");
    }
}
