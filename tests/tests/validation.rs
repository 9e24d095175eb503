//! No message of the validation layer, synchronisation validation included, neither above the layer, where it
//! sees the application's calls, nor below, where it sees the layer's.

use wayfence_tests::child::{on, probe, stdout_of};
use wayfence_tests::layers::{VALIDATION, WAYFENCE};

#[test]
#[ignore = "needs a Wayland compositor and VK_LAYER_KHRONOS_validation: scripts/test"]
fn the_validation_layer_above_reports_nothing() {
    assert_silent(&[VALIDATION, WAYFENCE]);
}

#[test]
#[ignore = "needs a Wayland compositor and VK_LAYER_KHRONOS_validation: scripts/test"]
fn the_validation_layer_below_reports_nothing() {
    assert_silent(&[WAYFENCE, VALIDATION]);
}

/// The application itself causes no message, so one would be the layer's fault.
#[test]
#[ignore = "needs a Wayland compositor and VK_LAYER_KHRONOS_validation: scripts/test"]
fn the_validation_layer_alone_reports_nothing() {
    assert_silent(&[VALIDATION]);
}

/// Silence is meaningful only if the validation layer reports mistakes.
#[test]
#[ignore = "needs a Wayland compositor and VK_LAYER_KHRONOS_validation: scripts/test"]
fn the_validation_layer_finds_a_mistake_of_the_applications() {
    for layers in [[VALIDATION, WAYFENCE], [WAYFENCE, VALIDATION]] {
        let messages = messages(&layers, &["messages", "careless"]);
        assert!(
            messages
                .iter()
                .any(|message| message.replace('-', "_").contains("WRITE_AFTER_WRITE")),
            "{layers:?}: {messages:?}"
        );
    }
}

fn assert_silent(layers: &[&str]) {
    let messages = messages(layers, &["messages"]);
    assert!(messages.is_empty(), "{layers:?}:\n{}", messages.join("\n"));
}

/// The probe's messages, except the loader's remark on how the test chose the layers.
fn messages(layers: &[&str], arguments: &[&str]) -> Vec<String> {
    let output = stdout_of(on(probe(), layers).args(arguments));
    let mut lines: Vec<_> = output.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some("drawn to the end"));
    lines.retain(|line| !line.contains("GENERAL: env var 'VK_INSTANCE_LAYERS' defined"));
    lines
}
