//! A driver without window-system integration, as vendors ship for direct displays: on Wayland it presents
//! through the layer, and the application sees no difference.
//!
//! It is the real driver with all of its window-system integration hidden. The layer is implicit: the loader
//! lists the extensions of implicit layers before there is an instance.

use std::process::Command;

use wayfence::report;
use wayfence_tests::child::{on, probe, stdout_of};
use wayfence_tests::layers::INSTALLED;
use wayfence_tests::test_driver::{self, WINDOW_SYSTEM};

/// The same program without the layer: the driver really has no surfaces.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn without_the_layer_there_is_no_window_system() {
    let all = stdout_of(&mut on_driver_without_wsi("vulkaninfo", &[]));
    let extensions: Vec<_> = all
        .split_whitespace()
        .filter(|word| word.starts_with("VK_KHR_") || word.starts_with("VK_EXT_"))
        .collect();
    assert!(extensions.contains(&"VK_KHR_external_memory_fd"), "{all}");
    let of_the_window_system: Vec<_> = extensions
        .into_iter()
        .filter(|name| is_of_the_window_system(name))
        .collect();
    assert_eq!(of_the_window_system, [""; 0]);

    let output = on_driver_without_wsi(probe(), &[])
        .args(["frames", "1"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("vkCreateInstance"), "{error}");
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn an_application_draws() {
    let file = std::env::temp_dir().join(format!("wayfence-report-{}", std::process::id()));
    stdout_of(
        on_driver_without_wsi(probe(), &[INSTALLED])
            .args(["frames", "60"])
            .env("WAYFENCE_REPORT", &file),
    );
    assert_frames(&file, 60);
}

/// An application by others, which looks for extensions before it enables them.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs, and vkcube: scripts/test"]
fn vkcube_draws() {
    let file = std::env::temp_dir().join(format!("wayfence-report-{}", std::process::id()));
    stdout_of(
        on_driver_without_wsi("vkcube", &[INSTALLED])
            .args(["--wsi", "wayland", "--c", "60"])
            .env("WAYFENCE_REPORT", &file),
    );
    assert_frames(&file, 60);
}

/// The layer answers all queries of a surface without the driver.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn a_surface_has_all_that_one_has() {
    let seen =
        stdout_of(on_driver_without_wsi(probe(), &[INSTALLED]).args(["describe", "wayland"]));
    assert!(
        seen.contains("device extension VK_KHR_swapchain "),
        "{seen}"
    );
    for question in [
        "queue family 0: Ok(true)",
        "capabilities: Ok",
        "formats: Ok",
    ] {
        assert!(seen.contains(question), "{question}:\n{seen}");
    }
    let frames: Vec<_> = seen
        .lines()
        .filter(|line| line.contains(" images: "))
        .collect();
    assert!(frames.len() >= 8, "{seen}");
    for line in frames {
        assert!(
            line.contains("images, [Ok(()), Ok(()), Ok(()), Ok(()), Ok(())]"),
            "{line}"
        );
    }
}

/// A command on these layers above the driver.
fn on_driver_without_wsi(program: impl AsRef<std::ffi::OsStr>, layers: &[&str]) -> Command {
    let mut command = on(program, layers);
    command.envs(test_driver::environment(WINDOW_SYSTEM));
    command
}

/// Asserts that the layer has shown so many frames, without waiting for any on the CPU.
fn assert_frames(file: &std::path::Path, frames: u64) {
    let reports = report::read(file).unwrap();
    std::fs::remove_file(file).unwrap();
    let [report] = reports.as_slice() else {
        panic!("one swapchain: {reports:?}");
    };
    assert_eq!(report.counters.presents, frames, "{report:?}");
    let imported = report.counters.sync_files_imported;
    match report.synchronisation.as_str() {
        // This way needs no fence for a rendering that is over at its present.
        "explicit" => assert!(imported <= frames, "{report:?}"),
        _ => assert_eq!(imported, frames, "{report:?}"),
    }
    assert_eq!(report.counters.cpu_waits, 0, "{report:?}");
}

fn is_of_the_window_system(extension: &str) -> bool {
    ["surface", "swapchain", "display", "present"]
        .iter()
        .any(|word| extension.contains(word))
}
