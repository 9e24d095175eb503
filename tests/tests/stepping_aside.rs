//! Where the layer does not own the swapchains of a surface, an application sees the same as without the layer.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use wayfence_tests::child::{difference, on, probe, stdout_of};
use wayfence_tests::layers::WAYFENCE;

/// What a program prints without the layer and with it.
fn both_ways(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> (String, String) {
    let run = |layers: &[&str]| stdout_of(on(&program, layers).args(arguments));
    (run(&[]), run(&[WAYFENCE]))
}

#[test]
#[ignore = "needs a Vulkan driver with VK_EXT_headless_surface: scripts/test"]
fn a_headless_surface_is_as_without_the_layer() {
    let (without, with) = both_ways(probe(), &["describe", "headless"]);
    assert_eq!(without, with);
}

/// The X server has no Wayland surfaces to own.
#[test]
#[ignore = "needs Xvfb and vulkaninfo: scripts/test"]
fn x11_surfaces_are_as_without_the_layer() {
    let server = Xvfb::start();
    let run = |layers: &[&str]| {
        stdout_of(
            on("vulkaninfo", layers)
                .env_remove("WAYLAND_DISPLAY")
                .env("DISPLAY", &server.display),
        )
    };
    let (without, with) = (run(&[]), run(&[WAYFENCE]));
    assert!(without.contains("VK_KHR_xcb_surface"));
    assert_eq!(unexpected(&without, &with), [""; 0]);
}

/// A program on X11 draws with the layer loaded, and the layer does nothing.
#[test]
#[ignore = "needs Xvfb and vkcube: scripts/test"]
fn x11_programs_draw_as_without_the_layer() {
    const FRAMES: &str = "20";
    let server = Xvfb::start();
    let report = std::env::temp_dir().join(format!("wayfence-report-{}", std::process::id()));
    let run = |layers: &[&str]| {
        let output = on("vkcube", layers)
            .args(["--wsi", "xcb", "--c", FRAMES])
            .env_remove("WAYLAND_DISPLAY")
            .env("DISPLAY", &server.display)
            .env("WAYFENCE_REPORT", &report)
            // The loader logs which layers are loaded.
            .env("VK_LOADER_DEBUG", "layer")
            .output()
            .unwrap();
        let loader = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{layers:?}: {loader}");
        assert_eq!(
            loader.contains(&format!("Insert instance layer \"{WAYFENCE}\"")),
            layers.contains(&WAYFENCE),
            "{loader}"
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (without, with) = (run(&[]), run(&[WAYFENCE]));
    assert_eq!(without, with);
    assert!(!report.exists(), "the layer has made a swapchain");
}

/// Everything that is not about surfaces comes from the driver, with the layer and without.
#[test]
#[ignore = "needs vulkaninfo: scripts/test"]
fn without_a_display_everything_is_as_without_the_layer() {
    let run = |layers: &[&str]| {
        stdout_of(
            on("vulkaninfo", layers)
                .env_remove("WAYLAND_DISPLAY")
                .env_remove("DISPLAY"),
        )
    };
    assert_eq!(unexpected(&run(&[]), &run(&[WAYFENCE])), [""; 0]);
}

/// A compositor that takes no dma-bufs (Weston's pixman renderer).
mod without_dma_bufs {
    use wayfence_tests::footprint::dma_bufs;
    use wayfence_tests::{Application, Wanted, layers};

    use super::{both_ways, probe, unexpected};

    #[test]
    #[ignore = "needs a Wayland compositor without dma-bufs: scripts/test"]
    fn a_surface_is_as_without_the_layer() {
        let (without, with) = both_ways(probe(), &["describe", "wayland"]);
        assert_eq!(without, with);
    }

    #[test]
    #[ignore = "needs a Wayland compositor without dma-bufs: scripts/test"]
    fn vulkaninfo_is_as_without_the_layer() {
        let (without, with) = both_ways("vulkaninfo", &[]);
        assert!(without.contains("VK_KHR_wayland_surface"));
        assert_eq!(unexpected(&without, &with), [""; 0]);
    }

    #[test]
    #[ignore = "needs a Wayland compositor without dma-bufs: scripts/test"]
    fn the_drivers_own_swapchain_draws() {
        assert!(layers::wayfence_is_on());
        let app = Application::new();
        // The driver may have some of its own.
        let before = dma_bufs().len();
        for wanted in [Wanted::default(), Wanted::mailbox()] {
            let mut swapchain = app.swapchain_with(wanted);
            for _ in 0..30 {
                swapchain.frame().unwrap();
            }
            swapchain = swapchain.replaced_by(wanted).unwrap();
            for _ in 0..30 {
                swapchain.frame().unwrap();
            }
            assert_eq!(dma_bufs().len(), before, "the layer owns nothing here");
        }
        app.surface.window().assert_alive();
    }
}

/// The differences between two outputs of `vulkaninfo`, except the list of layers, which has ours, the
/// extension about layers, and what differs from run to run.
fn unexpected(without: &str, with: &str) -> Vec<String> {
    let comparable = |text: &str| -> String {
        let mut lines = Vec::new();
        let mut in_layers = false;
        let mut text = text.lines().peekable();
        while let Some(line) = text.next() {
            // A section's title is underlined.
            if text.peek().is_some_and(|next| next.starts_with("====")) {
                in_layers = line.starts_with("Layers:");
            }
            // How much of its memory a device has in use.
            let is_fleeting =
                line.trim_start().starts_with("usage ") || line.trim_start().starts_with("budget ");
            // Our layer adds this one, so their number differs.
            let is_about_layers = line.trim_start().starts_with("VK_EXT_layer_settings ")
                || line.starts_with("Instance Extensions: count");
            if !in_layers && !is_fleeting && !is_about_layers {
                lines.push(line);
            }
        }
        lines.join("\n")
    };
    difference(&comparable(without), &comparable(with))
}

/// An X server of its own, ended on drop.
struct Xvfb {
    process: Child,
    display: String,
}

impl Xvfb {
    fn start() -> Self {
        let mut process = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "320x240x24",
                "-nolisten",
                "tcp",
                // For one program after another: without this the server resets when the last client leaves,
                // and refuses the next meanwhile.
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("Xvfb: {error}"));
        let mut number = String::new();
        BufReader::new(process.stdout.take().expect("it is piped"))
            .read_line(&mut number)
            .expect("Xvfb says its display");
        let display = format!(":{}", number.trim());
        Self { process, display }
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
