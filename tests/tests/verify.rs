//! What `wayfence verify` finds on the compositor of this session: every fault, and no false alarm.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use wayfence_tests::installation::Installation;
use wayfence_tests::real_driver::{Kernel, RealDriver};
use wayfence_tests::test_driver;

/// A table.
struct Found {
    status: Option<i32>,
    json: Value,
}

impl Found {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let json =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}\n{said}"));
        Self {
            status: output.status.code(),
            json,
        }
    }

    /// The lines with this verdict.
    fn lines(&self, verdict: &str) -> Vec<&str> {
        self.json["lines"]
            .as_array()
            .expect("a table has lines")
            .iter()
            .filter(|line| line["verdict"] == verdict)
            .map(|line| line["question"].as_str().expect("a name"))
            .collect()
    }

    /// Asserts that exactly these fail, and that at least these others pass.
    fn assert(&self, fail: &[&str], pass: &[&str]) {
        assert_eq!(self.lines("fail"), fail, "{:#}", self.json);
        let passed = self.lines("pass");
        for name in pass {
            assert!(passed.contains(name), "{name}: {:#}", self.json);
        }
        let status = if !fail.is_empty() { 1 } else { 0 };
        assert_eq!(self.status, Some(status), "{:#}", self.json);
    }
}

/// Examines this machine, in an environment with these variables.
fn verify(name: &str, variables: &[(String, String)]) -> Found {
    let here = Installation::new(name);
    let mut command = here.command(&["verify", "--json"]);
    let found = Found::of(&command.envs(variables.iter().cloned()).output().unwrap());
    println!("{:#}", found.json);
    found
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The test driver, with sync_files that stay pending for so long after the real driver's work.
fn busy(milliseconds: u32) -> Vec<(String, String)> {
    let mut variables = test_driver::environment(&[]);
    variables.push(variable("WAYFENCE_TEST_BUSY_MS", &milliseconds.to_string()));
    variables
}

/// A real driver whose work takes so long, in this way of synchronisation.
fn on(driver: RealDriver, milliseconds: u32, way: &str) -> Vec<(String, String)> {
    let mut variables = driver.environment(Kernel::Complete);
    variables.push(variable(
        "WAYFENCE_TEST_DEVICE_WORK_MS",
        &milliseconds.to_string(),
    ));
    variables.push(variable("WAYFENCE_SYNC", way));
    variables
}

/// Lines that do not need an asynchronous GPU.
const WITHOUT_GPU: [&str; 5] = ["owner", "acquire", "unrelated", "later", "layout"];
/// Lines that do.
const WITH_GPU: [&str; 8] = [
    "owner",
    "fences",
    "present",
    "commit",
    "acquire",
    "unrelated",
    "later",
    "layout",
];

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn nothing_is_wrong_with_the_installed_driver() {
    verify("installed", &[]).assert(&[], &WITHOUT_GPU);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn nothing_is_wrong_where_work_lasts() {
    verify("busy", &busy(300)).assert(&[], &WITH_GPU);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn a_present_that_waits_is_found() {
    let mut variables = busy(300);
    variables.push(variable("WAYFENCE_SYNC", "cpu"));
    let found = verify("waits", &variables);
    found.assert(
        &["present"],
        &["owner", "fences", "acquire", "unrelated", "later", "layout"],
    );
}

#[test]
#[ignore = "needs a compositor with dma-bufs"]
fn a_driver_that_lacks_something_keeps_its_own_swapchains() {
    for missing in [
        "VK_KHR_external_semaphore_fd",
        "VK_EXT_image_drm_format_modifier",
    ] {
        let found = verify("lacks", &test_driver::environment(&[missing]));
        assert_eq!(
            found.lines("fail"),
            ["owner"],
            "{missing}: {:#}",
            found.json
        );
        assert_eq!(found.lines("pass"), [""; 0], "{missing}");
        assert_eq!(found.status, Some(1), "{missing}");
    }
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn a_driver_without_a_window_system_is_as_good_as_another() {
    let mut variables = busy(300);
    variables.retain(|(name, _)| name != "WAYFENCE_TEST_HIDE");
    variables.push(variable(
        "WAYFENCE_TEST_HIDE",
        &test_driver::WINDOW_SYSTEM.join(","),
    ));
    verify("windowless", &variables).assert(&[], &WITH_GPU);
}

/// The layer handles how each of these drivers treats shared memory.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn every_manner_is_dealt_with() {
    for manner in [
        "anv-i915",
        "anv-xe",
        "nvidia",
        "panvk-panthor",
        "powervr",
        "amdvlk",
    ] {
        let mut variables = busy(300);
        variables.push(variable("WAYFENCE_TEST_MANNER", manner));
        verify(manner, &variables).assert(&[], &WITH_GPU);
    }
}

/// Two drivers that call themselves GPUs: the loader's first is examined.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn another_device_presents_to_the_window() {
    let mut variables = test_driver::environment(&[]);
    variables.push(variable("WAYFENCE_TEST_FAULTS", "late-fences"));
    for (name, value) in &mut variables {
        if name == "VK_DRIVER_FILES" {
            let other = value.replace(".json", "_too.json");
            fs::copy(&*value, &other).unwrap();
            *value = format!("{value}:{other}");
        }
    }
    let mut pass = WITHOUT_GPU.to_vec();
    pass.push("devices");
    verify("devices", &variables).assert(&["fences"], &pass);
}

/// Without vgem, and if hidden without sw_sync, other fences stand for the compositor's reading. The test
/// driver keeps its vgem.
fn reads(by: &str, hides: &str) {
    const HIDE: &str = r#"set -e
        for card in /sys/class/drm/card?; do
            [ "$(basename "$(realpath "$card/device")")" != vgem ] || vgem=/dev/dri/${card##*/}
        done
        touch "$WAYFENCE_TEST_VGEM"
        mount --bind "$vgem" "$WAYFENCE_TEST_VGEM"
        for hidden in "$vgem" $HIDDEN; do
            [ ! -e "$hidden" ] || mount --bind /dev/null "$hidden"
        done
        exec "$@""#;
    let here = Installation::new(by);
    let found = Found::of(
        &Command::new("unshare")
            .args(["--mount", "sh", "-c", HIDE, "-"])
            .arg(here.root.join("bin/wayfence"))
            .args(["verify", "--json"])
            .envs(busy(500))
            .env("WAYFENCE_TEST_VGEM", here.root.join("vgem"))
            .env("HIDDEN", hides)
            .output()
            .unwrap(),
    );
    assert_eq!(found.json["machine"]["readers"], by, "{:#}", found.json);
    found.assert(&[], &WITH_GPU);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, vgem, sw_sync"]
fn without_vgem_sw_sync_reads() {
    reads("sw_sync", "");
}

#[test]
#[ignore = "needs a compositor with dma-bufs, vgem"]
fn without_fences_of_the_kernel_the_gpu_reads() {
    reads("work of the GPU", "/sys/kernel/debug/sync/sw_sync");
}

/// The test driver with this fault, and with long work unless the fault is one of its fences.
fn faulty(fault: &str, milliseconds: u32) -> Vec<(String, String)> {
    let mut variables = busy(milliseconds);
    variables.push(variable("WAYFENCE_TEST_FAULTS", fault));
    variables
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn a_fence_that_does_not_wait_is_found() {
    let found = verify("early", &faulty("early-fences", 0));
    found.assert(
        &["fences", "commit"],
        &["owner", "present", "later", "layout"],
    );
}

/// A software rasteriser may do this, a GPU's driver must not. Whether a present waits is unknown then.
#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn a_fence_that_comes_late_is_found() {
    let mut variables = test_driver::environment(&[]);
    variables.push(variable("WAYFENCE_TEST_FAULTS", "late-fences"));
    verify("late", &variables).assert(&["fences"], &WITHOUT_GPU);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn an_acquire_that_does_not_wait_is_found() {
    let found = verify("forgets", &faulty("forgets-imports", 300));
    found.assert(
        &["acquire"],
        &[
            "owner",
            "fences",
            "present",
            "commit",
            "unrelated",
            "later",
            "layout",
        ],
    );
}

#[test]
#[ignore = "needs a compositor with dma-bufs, and vgem"]
fn work_that_waits_for_any_reader_is_found() {
    let found = verify("lists", &faulty("waits-for-readers", 300));
    found.assert(
        &["unrelated"],
        &[
            "owner", "fences", "present", "commit", "acquire", "later", "layout",
        ],
    );
}

/// In the implicit way, and in the best that the compositor knows. In the implicit way Turnip and nouveau's
/// kernel put fences of all work on all images; in the other ways nothing reads those.
fn real_driver(driver: RealDriver) {
    // Each submission takes so long, the layer's included: two of those end within the time by which a fence
    // may be late.
    const WORK: u32 = 40;
    for way in ["implicit", "auto"] {
        let found = verify(way, &on(driver, WORK, way));
        let owner = found.json["lines"][0]["why"].as_str().unwrap();
        let fail: &[&str] = match driver {
            RealDriver::Turnip | RealDriver::Nvk if owner.ends_with("implicit") => &["later"],
            _ => &[],
        };
        let pass: Vec<_> = WITH_GPU
            .into_iter()
            .filter(|name| !fail.contains(name))
            .collect();
        found.assert(fail, &pass);
    }
}

#[test]
#[ignore = "needs a compositor with dma-bufs, vgem, mesa-drm-shim"]
fn radv_is_exact() {
    real_driver(RealDriver::Radv);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, vgem, mesa-drm-shim"]
fn turnip_puts_fences_of_later_frames_on_images() {
    real_driver(RealDriver::Turnip);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, vgem, mesa-drm-shim"]
fn nvk_puts_fences_of_later_frames_on_images() {
    real_driver(RealDriver::Nvk);
}

#[test]
#[ignore = "needs a compositor with dma-bufs, vgem, mesa-drm-shim"]
fn honeykrisp_is_exact() {
    real_driver(RealDriver::Honeykrisp);
}

#[test]
#[ignore = "needs a compositor without dma-bufs"]
fn without_dma_bufs_nothing_can_be_asked() {
    let found = verify("pixman", &[]);
    assert_eq!(found.lines("fail"), ["owner"], "{:#}", found.json);
    assert_eq!(found.lines("pass"), [""; 0]);
}

#[test]
fn what_is_missing_is_named() {
    let here = Installation::new("missing");
    let found = |command: &mut Command| {
        let output = command.output().unwrap();
        let found = Found::of(&output);
        assert_eq!(found.status, Some(2));
        found.json["ended_by"].as_str().unwrap().to_owned()
    };
    let mut command = here.command(&["verify", "--json"]);
    let why = found(
        command
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET"),
    );
    assert!(why.contains("WAYLAND_DISPLAY is not set"), "{why}");
    let mut command = here.command(&["verify", "--json"]);
    let why = found(
        command
            .env("WAYLAND_DISPLAY", "wayland-none")
            .env("XDG_RUNTIME_DIR", &here.root),
    );
    assert!(why.contains("no Wayland compositor answers"), "{why}");

    let output = Installation::bare("bare").output(&["verify"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the layer is missing"), "{said}");
}

#[test]
fn a_file_is_explained() {
    let here = Installation::new("explained");
    let file = here.root.join("verify.json");
    let output = here
        .command(&["verify", "-o"])
        .arg(&file)
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = here
        .command(&["verify", "--explain"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    let json: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for line in json["lines"].as_array().unwrap() {
        assert!(text.contains(line["question"].as_str().unwrap()), "{text}");
    }
    assert!(text.contains("0 pass, 0 fail, 11 cannot be told"), "{text}");

    fs::write(&file, "{}").unwrap();
    let output = here
        .command(&["verify", "--explain"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no report of wayfence verify"), "{said}");
}
