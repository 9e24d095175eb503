//! The command `wayfence`, as people and scripts use it.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use wayfence_test_compositor::{Colour, Compositor, Feature, Imports, Offer, Primaries};
use wayfence_tests::child::probe;
use wayfence_tests::installation::Installation;
use wayfence_tests::layers::{self, WAYFENCE};
use wayfence_tests::manner::Manner;
use wayfence_tests::test_driver;
use wayfence_tests::watchdog::Watchdog;

/// `wayfence run -- wayfence doctor --json`: the exit status and what it found.
fn doctor_on_the_layer(here: &Installation, variables: &[(&str, &str)]) -> (Option<i32>, Value) {
    let own = here.root.join("bin/wayfence").display().to_string();
    let mut command = here.command(&["run", "--", &own, "doctor", "--json"]);
    findings(command.envs(variables.iter().copied()))
}

/// The same for a client of this compositor.
fn doctor_at(
    here: &Installation,
    compositor: &Compositor,
    variables: &[(String, String)],
) -> (Option<i32>, Value) {
    let socket = compositor.listen().display().to_string();
    // Mesa's layer looks at the main device, and follows a null pointer where that is on the faux bus, as vgem is.
    let mut all = vec![
        ("WAYLAND_DISPLAY", socket.as_str()),
        ("NODEVICE_SELECT", "1"),
    ];
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let found = doctor_on_the_layer(here, &all);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
    found
}

/// The findings of `wayfence doctor --json`, and its exit status.
fn findings(doctor: &mut Command) -> (Option<i32>, Value) {
    let output = doctor.output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code(), json)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Both ways in which `wayfence run` runs an application: in place of itself, and as a child.
const BOTH: [&[&str]; 2] = [&["run"], &["run", "--report"]];

fn run<'a>(way: &[&'a str], app: &[&'a str]) -> Vec<&'a str> {
    [way, &["--"], app].concat()
}

#[test]
fn the_exit_status_is_the_applications() {
    let here = Installation::new("status");
    for way in BOTH {
        let output = here.output(&run(way, &["sh", "-c", "exit 7"]));
        assert_eq!(output.status.code(), Some(7), "{way:?}");
        let output = here.output(&run(way, &["sh", "-c", "kill -TERM $$"]));
        assert_eq!(output.status.signal(), Some(15), "{way:?}");
    }
}

#[test]
fn the_applications_output_is_its_own() {
    let here = Installation::new("output");
    for way in BOTH {
        let output = here.output(&run(way, &["echo", "its own"]));
        assert_eq!(text(&output.stdout), "its own\n", "{way:?}");
    }
}

/// Starts a shell that prints when it is ready, and waits for that.
fn ready(here: &Installation, way: &[&str], script: &str) -> (Child, String) {
    let mut child = here
        .command(&run(way, &["sh", "-c", script]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("it is piped"))
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().to_owned())
}

fn send(to: u32, signal: Signal) {
    let pid = Pid::from_raw(to as i32).expect("a process has a number");
    kill_process(pid, signal).unwrap();
}

#[test]
fn signals_reach_the_application() {
    let here = Installation::new("signals");
    for way in BOTH {
        for (signal, name) in [
            (Signal::USR1, "USR1"),
            (Signal::TERM, "TERM"),
            (Signal::INT, "INT"),
            (Signal::HUP, "HUP"),
        ] {
            let script = format!("trap 'exit 42' {name}; echo ready; while :; do sleep 0.02; done");
            let (mut child, line) = ready(&here, way, &script);
            assert_eq!(line, "ready");
            send(child.id(), signal);
            assert_eq!(child.wait().unwrap().code(), Some(42), "{way:?} {name}");
        }
    }
}

#[test]
fn the_application_does_not_outlive_the_command() {
    let here = Installation::new("killed");
    let (mut child, application) = ready(&here, BOTH[1], "echo $$; while :; do sleep 0.02; done");
    let stat = PathBuf::from("/proc").join(&application).join("stat");
    assert!(stat.exists());
    send(child.id(), Signal::KILL);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let begin = Instant::now();
    // Gone, or a zombie.
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z")) {
        assert!(begin.elapsed() < Duration::from_secs(5), "it lives");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_cannot_be_run_has_a_status_of_its_own() {
    let here = Installation::new("failures");
    for way in BOTH {
        let output = here.output(&run(way, &["/nonexistent"]));
        assert_eq!(output.status.code(), Some(127), "{way:?}");
        assert!(text(&output.stderr).contains("/nonexistent"), "{output:?}");
        let output = here.output(&run(way, &["/etc/passwd"]));
        assert_eq!(output.status.code(), Some(126), "{way:?}");
    }
    let nowhere = Installation::bare("no-layer");
    let output = nowhere.output(&["run", "--", "true"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("VkLayer_wayfence.json"));
    // Running without the layer needs nothing.
    assert!(
        nowhere
            .output(&["run", "--without", "--", "true"])
            .status
            .success()
    );
    assert_eq!(here.output(&["run"]).status.code(), Some(2));
    let output = here.output(&["run", "--sync", "magic", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("implicit"), "{output:?}");
}

#[test]
fn the_environment_is_all_that_changes() {
    let here = Installation::new("environment");
    let folder = here.root.join("lib/wayfence").canonicalize().unwrap();
    let output = here.output(&["run", "--sync", "cpu", "--log", "debug", "--", "env"]);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    for line in [
        format!("VK_INSTANCE_LAYERS={WAYFENCE}"),
        format!("VK_ADD_LAYER_PATH={}", folder.display()),
        "WAYFENCE_SYNC=cpu".to_owned(),
        "WAYFENCE_LOG=debug".to_owned(),
    ] {
        assert!(lines.contains(&line.as_str()), "{line}: {lines:?}");
    }
    let output = here.output(&["run", "--without", "--", "env"]);
    assert!(!text(&output.stdout).contains(WAYFENCE));
    assert!(text(&output.stdout).contains("DISABLE_WAYFENCE=1"));
}

/// Who starts this command may have told the kernel to reap children, which then end without a signal; and the
/// application's children may rely on that.
#[test]
fn an_application_whose_end_nobody_is_told_ends() {
    let _watchdog = Watchdog::new(Duration::from_secs(60), "the command waits for good");
    let here = Installation::new("unwaited");
    let [in_place, as_child] = BOTH.map(|way| {
        let mut command = here.command(&run(way, &["grep", "SigIgn", "/proc/self/status"]));
        // SAFETY: the closure runs between fork and exec, and makes a system call alone.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                Ok(())
            });
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{way:?}: {output:?}");
        text(&output.stdout).to_owned()
    });
    assert_eq!(in_place, as_child);
    let ignored = in_place.trim().trim_start_matches("SigIgn:").trim();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    assert_ne!(ignored >> (libc::SIGCHLD - 1) & 1, 0, "{in_place}");
}

/// Files come from elsewhere, and what is said of them quotes them.
#[test]
fn what_is_said_of_a_file_is_no_command_to_the_terminal() {
    let here = Installation::new("terminal");
    let file = here.root.join("file\u{9b}31m");
    let path = file.display().to_string();
    let title = r"\u001b]0;x\u0007";
    let of_verify =
        format!(r#"{{"version":"","machine":{{}},"lines":[{{"question":"{title}"}}]}}"#);
    let of_trace = format!(r#"[{{"name":"acquire{title}","ph":"X","args":{{}}}}]"#);
    for (arguments, content) in [
        (&["trace", "summary", &path][..], &of_trace),
        (&["verify", "--explain", &path], &of_verify),
        (&["report", &path], &of_verify),
    ] {
        fs::write(&file, content).unwrap();
        let output = here.output(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.ends_with('\n'), "{said:?}");
        let said = said.trim_end_matches('\n');
        assert!(!said.contains(char::is_control), "{said:?}");
    }
}

#[test]
fn a_report_says_what_is_missing() {
    let here = Installation::new("report");
    let file = here.root.join("report");
    fs::write(&file, "").unwrap();
    let path = file.display().to_string();
    assert_eq!(here.output(&["report", &path]).status.code(), Some(1));
    assert_eq!(
        here.output(&["report", "/nonexistent"]).status.code(),
        Some(2)
    );
    let output = here.output(&["run", "--report", "--", "true"]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("no swapchain"), "{output:?}");
}

/// A machine with no driver and no compositor, and perhaps no loader.
#[test]
fn a_doctor_with_nothing_to_look_at_says_so() {
    let here = Installation::new("nothing");
    let nothing = |arguments: &[&str]| {
        let mut command = here.command(arguments);
        command
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("XDG_RUNTIME_DIR", &here.root)
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent");
        command
    };
    let (status, json) = findings(&mut nothing(&["doctor", "--json"]));
    assert_eq!(status, Some(2));
    assert_eq!(json["verdict"]["takes_over"], Value::Null);
    assert!(
        json["verdict"]["why"]
            .as_str()
            .unwrap()
            .starts_with("there is no Vulkan"),
        "{json}"
    );
    assert!(
        json["compositor"]["error"]
            .as_str()
            .unwrap()
            .contains("Wayland"),
        "{json}"
    );
    let output = nothing(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let page = text(&output.stdout);
    assert!(
        page.contains("It cannot be told: there is no Vulkan"),
        "{page}"
    );
    assert!(!page.contains('\x1b'), "colours are for terminals: {page}");
}

/// The compositor's, without a driver.
#[test]
fn a_doctor_says_what_colours_there_are() {
    let here = Installation::new("colours");
    let colours = |colour| {
        let compositor = Compositor::new(Offer {
            colour,
            ..Offer::default()
        });
        let mut command = here.command(&["doctor", "--json"]);
        command
            .env("WAYLAND_DISPLAY", compositor.listen())
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent");
        let (_, mut json) = findings(&mut command);
        assert!(compositor.protocol_errors().is_empty());
        json["compositor"]["colours"].take()
    };
    assert_eq!(colours(None), Value::Null);
    let found = colours(Some(Colour {
        primaries: vec![Primaries::Bt2020],
        features: vec![Feature::Parametric, Feature::SetMasteringDisplayPrimaries],
        ..Colour::default()
    }));
    assert_eq!(
        found,
        json!({
            "spaces": ["SRGB_NONLINEAR", "BT2020_LINEAR", "HDR10_ST2084", "HDR10_HLG", "PASS_THROUGH"],
            "metadata": ["content light levels", "the mastering display"],
            "outputs": [{
                "name": "SCRIPTED-1",
                "primaries": "Srgb",
                "transfer": "Gamma22",
                "luminance": [0.2, 80.0],
                "white": 80,
            }],
        })
    );
}

#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn the_doctors_verdict_is_what_an_application_gets() {
    let here = Installation::new("verdict");
    let (status, json) = doctor_on_the_layer(&here, &[]);
    assert_eq!(status, Some(0), "{json}");
    assert_eq!(json["verdict"]["takes_over"], true, "{json}");
    let way = json["verdict"]["synchronisation"].as_str().unwrap();
    let probe = probe().display().to_string();
    // Until all three are presented nothing says when they were shown.
    let output = here.output(&["run", "--report", "--", &probe, "frames", "30"]);
    assert!(output.status.success(), "{output:?}");
    let report = text(&output.stdout);
    assert!(
        report.contains(&format!("synchronisation   {way}\n")),
        "{way}: {report}"
    );
    assert!(
        report.contains("time to pixels    mean "),
        "{way}: {report}"
    );
    // The doctor names the forced way.
    let (status, json) = doctor_on_the_layer(&here, &[("WAYFENCE_SYNC", "cpu")]);
    assert_eq!(status, Some(0), "{json}");
    assert_eq!(json["verdict"]["synchronisation"], "cpu", "{json}");
}

/// The layer takes over, except for an application that enables what only the driver has.
#[test]
#[ignore = "needs a Wayland compositor with dma-bufs: scripts/test"]
fn the_doctors_verdict_names_what_keeps_the_drivers_swapchains() {
    let here = Installation::new("kept");
    let mut variables = test_driver::environment(&[]);
    let tell = "VK_NV_low_latency2,VK_NV_present_barrier,VK_NV_present_metering";
    variables.push(("WAYFENCE_TEST_TELL".to_owned(), tell.to_owned()));
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (status, json) = doctor_on_the_layer(&here, &variables);
    assert_eq!(status, Some(0), "{json}");
    let advice = json["verdict"]["advice"].to_string();
    let kept = format!("{} keeps the driver's swapchains", tell.replace(',', ", "));
    assert!(advice.contains(&kept), "{advice}");
}

/// On a kernel with everything.
#[test]
#[ignore = "needs a driver, udmabuf, and to be root: scripts/test"]
fn the_doctor_says_for_which_device_the_cpu_waits() {
    let here = Installation::new("nvidia");
    let compositor = Compositor::new(Offer::default());
    let (status, json) = doctor_at(&here, &compositor, &[]);
    assert_eq!(status, Some(0), "{json}");
    assert_eq!(json["verdict"]["synchronisation"], "implicit", "{json}");
    Manner::Nvidia.bind_main_device();
    let (status, json) = doctor_at(&here, &compositor, &[]);
    assert_eq!(status, Some(0), "{json}");
    assert_eq!(json["verdict"]["synchronisation"], "cpu", "{json}");
    let advice = json["verdict"]["advice"].to_string();
    assert!(
        advice.contains("waits on the CPU: the compositor's device is NVIDIA's"),
        "{advice}"
    );
}

/// amdgpu ignores fences on the memory that AMD's own driver shares.
#[test]
#[ignore = "needs a driver, udmabuf, and to be root: scripts/test"]
fn the_doctor_says_for_which_driver_the_cpu_waits() {
    let here = Installation::new("amdvlk");
    let compositor = Compositor::new(Offer::default());
    let mut variables = test_driver::environment(&[]);
    variables.extend(Manner::Amdvlk.environment());
    Manner::Amdvlk.bind_main_device();
    let (status, json) = doctor_at(&here, &compositor, &variables);
    assert_eq!(status, Some(0), "{json}");
    assert_eq!(json["verdict"]["synchronisation"], "cpu", "{json}");
    let advice = json["verdict"]["advice"].to_string();
    assert!(
        advice
            .contains("waits on the CPU: amdgpu ignores fences on memory that this driver shares"),
        "{advice}"
    );
    // Other kernel drivers do not.
    Manner::AnvI915.bind_main_device();
    let (_, json) = doctor_at(&here, &compositor, &variables);
    assert_eq!(json["verdict"]["synchronisation"], "implicit", "{json}");
}

#[test]
#[ignore = "needs a driver and udmabuf: scripts/test"]
fn the_doctor_says_that_the_compositor_cannot_read_the_drivers_images() {
    let here = Installation::new("foreign");
    // The main device is 226:128.
    let compositor = Compositor::new(Offer::default());
    compositor.import(Imports::Refused);
    let mut variables = test_driver::environment(&[]);
    let node = "WAYFENCE_TEST_RENDER_NODE".to_owned();
    variables.push((node, "226:129".to_owned()));
    let (status, json) = doctor_at(&here, &compositor, &variables);
    assert_eq!(status, Some(1), "{json}");
    let why = json["verdict"]["why"].as_str().unwrap();
    assert!(why.contains("cannot read its images"), "{json}");
    compositor.import(Imports::Proper);
    let (status, json) = doctor_at(&here, &compositor, &variables);
    assert_eq!(status, Some(0), "{json}");
}

#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_layer_that_is_kept_out_steps_aside() {
    let here = Installation::new("aside");
    let (status, json) = findings(&mut here.command(&["doctor", "--json"]));
    assert_eq!(status, Some(1), "{json}");
    assert!(
        json["verdict"]["why"]
            .as_str()
            .unwrap()
            .contains("not installed"),
        "{json}"
    );
    let data = here.implicit();
    let (status, json) = findings(
        here.command(&["doctor", "--json"])
            .env("XDG_DATA_HOME", data)
            .env("DISABLE_WAYFENCE", "1"),
    );
    assert_eq!(status, Some(1), "{json}");
    let why = json["verdict"]["why"].as_str().unwrap();
    assert!(why.contains("DISABLE_WAYFENCE is set"), "{json}");
}

/// The doctor's table of what a driver needs is the layer's: for a driver that has none of it both name the
/// same extensions.
#[test]
#[ignore = "needs a Wayland compositor and a driver that has what the layer needs: scripts/test"]
fn the_doctor_names_the_extensions_that_the_layer_misses() {
    let here = Installation::new("extensions");
    let (_, whole) = doctor_on_the_layer(&here, &[]);
    let known = whole["vulkan"]["devices"][0]["extensions"]
        .as_object()
        .unwrap();
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    assert!(known.values().all(|there| *there == true), "{whole}");
    let shim = layers::library().with_file_name("libwayfence_test_driver.so");
    let driver = here.root.join("driver.json");
    fs::write(
        &driver,
        format!(
            r#"{{"file_format_version": "1.0.0", "ICD": {{"library_path": "{}", "api_version": "1.3.0"}}}}"#,
            shim.display()
        ),
    )
    .unwrap();
    let real = env::var("WAYFENCE_TEST_DRIVER").unwrap_or("libvulkan_lvp.so".to_owned());
    let driver = driver.display().to_string();
    let (status, json) = doctor_on_the_layer(
        &here,
        &[
            ("VK_DRIVER_FILES", &driver),
            ("WAYFENCE_TEST_DRIVER", &real),
            // And more, so that the test would see one that the doctor does not know.
            ("WAYFENCE_TEST_HIDE", &hidden(&whole)),
        ],
    );
    assert_eq!(status, Some(1), "{json}");
    let why = json["verdict"]["why"].as_str().unwrap();
    let mut missing: Vec<&str> = why
        .strip_prefix("the driver lacks ")
        .unwrap_or_else(|| panic!("{why}"))
        .split(", ")
        .collect();
    missing.sort_unstable();
    assert_eq!(missing, names);
}

/// All extensions that a driver of this kind can have.
fn hidden(whole: &Value) -> String {
    let known = whole["vulkan"]["devices"][0]["extensions"]
        .as_object()
        .unwrap();
    let mut names: Vec<String> = known.keys().cloned().collect();
    names.extend(
        [
            "VK_KHR_image_format_list",
            "VK_KHR_external_memory",
            "VK_KHR_external_semaphore",
            "VK_KHR_external_fence",
            "VK_KHR_dedicated_allocation",
            "VK_KHR_maintenance1",
            "VK_KHR_timeline_semaphore",
            "VK_EXT_external_memory_host",
            "VK_KHR_synchronization2",
        ]
        .map(str::to_owned),
    );
    names.join(",")
}

#[test]
#[ignore = "needs MangoHud and a Wayland compositor: scripts/test"]
fn an_overlay_is_above_the_layer() {
    let here = Installation::new("overlay");
    let data = here.implicit().display().to_string();
    let place = |json: &Value, part: &str| {
        let chain = json["chain"].as_array().unwrap();
        chain
            .iter()
            .position(|link| link["name"].as_str().unwrap().contains(part))
            .unwrap_or_else(|| panic!("no {part}: {json}"))
    };
    // A copy that the loader finds first.
    let (status, json) = doctor_on_the_layer(&here, &[("XDG_DATA_HOME", &data), ("MANGOHUD", "1")]);
    assert_eq!(status, Some(0), "{json}");
    let ours = place(&json, WAYFENCE);
    assert!(place(&json, "MANGOHUD") < ours, "{json}");
    assert_eq!(
        Path::new(json["chain"][ours]["library"].as_str().unwrap()),
        layers::library(),
        "not the installed copy"
    );
    assert_eq!(warnings(&json), 0, "{json}");

    // That copy alone is above, and the doctor warns.
    let (status, json) = findings(
        here.command(&["doctor", "--json"])
            .env("XDG_DATA_HOME", &data)
            .env("MANGOHUD", "1"),
    );
    assert_eq!(status, Some(0), "{json}");
    assert!(place(&json, WAYFENCE) < place(&json, "MANGOHUD"), "{json}");
    assert_eq!(warnings(&json), 1, "{json}");
}

/// How many overlays the doctor reports below the layer.
fn warnings(json: &Value) -> usize {
    let advice = json["verdict"]["advice"].as_array().unwrap();
    advice
        .iter()
        .filter(|advice| advice.as_str().unwrap().contains("is below the layer"))
        .count()
}

/// A compositor that takes no dma-bufs (Weston's pixman renderer).
mod without_dma_bufs {
    use super::{Installation, doctor_on_the_layer};

    #[test]
    #[ignore = "needs a Wayland compositor without dma-bufs: scripts/test"]
    fn the_doctor_says_why_the_layer_steps_aside() {
        let here = Installation::new("no-dma-bufs");
        let (status, json) = doctor_on_the_layer(&here, &[]);
        assert_eq!(status, Some(1), "{json}");
        assert_eq!(
            json["verdict"]["why"], "the compositor takes no dma-bufs with explicit modifiers",
            "{json}"
        );
    }
}
