//! One run of one application, on the layer or on the driver's own swapchains.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use wayfence::report;
use wayfence_tests::real_driver::{Kernel, RealDriver};
use wayfence_tests::{child, layers};

use crate::{
    application::Mode,
    measurement::{FILE, FRAMES, Measurement, TRACE, WARM_UP},
    share::{LAYER, METER},
    strace::MARK_CALL,
};

/// The meter's name as a layer.
const METER_LAYER: &str = "VK_LAYER_WAYFENCE_meter";

const PRELOAD: &str = "LD_PRELOAD";

/// Whose swapchains are measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The driver's own.
    Driver,
    /// The layer's, with this for `WAYFENCE_SYNC`.
    Layer(String),
}

impl Side {
    /// Whether the layer is on.
    pub fn is_layer(&self) -> bool {
        matches!(self, Side::Layer(_))
    }
}

/// What is run.
#[derive(Debug, Clone)]
pub enum Workload {
    /// The benchmark's own [`application`](crate::application), with so many milliseconds of CPU work in each
    /// frame.
    Loop(Mode, u64),
    /// vkcube, in this mode.
    Vkcube(Mode),
    /// Anything that ends by itself: a program and its arguments.
    Other(Vec<String>),
}

impl Workload {
    /// As the table calls it.
    pub fn name(&self) -> String {
        match self {
            Workload::Loop(mode, 0) => format!("loop, {}", mode.name().to_uppercase()),
            Workload::Loop(mode, work) => {
                format!("loop, {work} ms of work, {}", mode.name().to_uppercase())
            }
            Workload::Vkcube(mode) => format!("vkcube, {}", mode.name().to_uppercase()),
            Workload::Other(command) => command.join(" "),
        }
    }

    /// The program and its arguments, for so many frames. `again` is how often it recreates its swapchain, if
    /// it does.
    fn command(&self, frames: u64, again: u32) -> Result<Vec<String>> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let frames = frames.to_string();
        Ok(match self {
            Workload::Loop(mode, work) => {
                let work = work.to_string();
                let this = env::current_exe().context("/proc/self/exe")?;
                let this = this.to_string_lossy();
                let again = again.to_string();
                let mode = mode.name();
                owned(&[
                    &this, "loop", "--mode", mode, "--work", &work, "--frames", &frames, "--again",
                    &again,
                ])
            }
            Workload::Vkcube(mode) => {
                let mode = mode.vk().as_raw().to_string();
                owned(&[
                    "vkcube",
                    "--wsi",
                    "wayland",
                    "--present_mode",
                    &mode,
                    "--c",
                    &frames,
                ])
            }
            Workload::Other(command) => command.clone(),
        })
    }
}

/// What a run measures. Each kind would disturb the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Times and the footprint.
    Times,
    /// Heap allocations.
    Allocations,
    /// System calls.
    SystemCalls,
}

/// The length of a run.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Frames before those that count.
    pub warm_up: u64,
    /// Frames that count.
    pub frames: u64,
    /// How often the swapchain is recreated.
    pub again: u32,
    /// After how long a run has failed.
    pub timeout: Duration,
}

/// The results of a run.
#[derive(Debug)]
pub struct Run {
    /// The meter's measurement.
    pub measurement: Measurement,
    /// The layer's way of synchronisation, if it is on and reports.
    pub way: Option<String>,
    /// What strace wrote.
    pub trace: String,
}

/// The folder for the files of runs and the meter's manifest.
pub struct Workplace {
    directory: TempDir,
    meter: PathBuf,
    /// The variables with which an application runs on the driver of choice.
    driver: Vec<(String, String)>,
}

impl Workplace {
    /// A new folder, for this driver without its hardware, or for the driver that the loader finds.
    ///
    /// # Errors
    /// If the meter was not built, or the directory for temporary files is not writable.
    ///
    /// # Panics
    /// If this machine has not that driver.
    pub fn new(driver: Option<RealDriver>) -> Result<Self> {
        let this = env::current_exe().context("/proc/self/exe")?;
        let meter = this.with_file_name(METER);
        for (file, package) in [
            (&meter, "wayfence-bench-meter"),
            (&layers::library(), "wayfence-layer"),
        ] {
            ensure!(
                file.is_file(),
                "{}: no such file: `cargo build --release -p {package}` builds it",
                file.display()
            );
        }
        let directory = tempfile::tempdir().context("a directory for temporary files")?;
        let manifest = serde_json::json!({
            "file_format_version": "1.2.0",
            "layer": {
                "name": METER_LAYER,
                "type": "GLOBAL",
                "library_path": meter,
                "api_version": "1.4.341",
                "implementation_version": "1",
                "description": "Measures swapchains",
                "functions": {
                    "vkNegotiateLoaderLayerInterfaceVersion":
                        "vkNegotiateLoaderLayerInterfaceVersion"
                },
            },
        });
        fs::write(directory.path().join("meter.json"), manifest.to_string())?;
        Ok(Workplace {
            directory,
            meter,
            driver: driver
                .map(|driver| driver.environment(Kernel::Complete))
                .unwrap_or_default(),
        })
    }

    /// Runs `workload` once.
    ///
    /// # Errors
    /// If the application fails, does not end in time, or leaves nothing to read; if the layer is on and
    /// steps aside.
    pub fn run(&self, workload: &Workload, side: &Side, pass: Pass, amount: Amount) -> Result<Run> {
        let file = |name| self.directory.path().join(name);
        let (measurement, report, trace, log) = (
            file("measurement"),
            file("report"),
            file("trace"),
            file("log"),
        );
        for old in [&measurement, &report, &trace] {
            let _ = fs::remove_file(old);
        }
        // One more than is measured: the last measured frame is not the last of all.
        let words = workload.command(amount.warm_up + amount.frames + 5, amount.again)?;
        let chosen: &[&str] = match side {
            Side::Driver => &[METER_LAYER],
            Side::Layer(_) => &[METER_LAYER, layers::WAYFENCE],
        };
        let mut command = child::on(&words[0], chosen);
        command
            .args(&words[1..])
            .env("VK_ADD_LAYER_PATH", self.layer_path(chosen)?)
            .env(FILE, &measurement)
            .env(WARM_UP, amount.warm_up.to_string())
            .env(FRAMES, amount.frames.to_string())
            .envs(self.driver.iter().cloned());
        if let Side::Layer(way) = side {
            command.env("WAYFENCE_SYNC", way);
        }
        match pass {
            Pass::Times => {}
            Pass::Allocations => {
                let preloaded = self.driver.iter().find(|(name, _)| name == PRELOAD);
                let others = preloaded.map_or("", |(_, libraries)| libraries);
                command
                    .env(PRELOAD, format!("{} {others}", self.meter.display()))
                    // Reports make the layer read clocks, which would be counted or timed.
                    .env("WAYFENCE_REPORT", &report);
            }
            Pass::SystemCalls => {
                command
                    .env(TRACE, &trace)
                    .env("WAYFENCE_TEST_DEVICE_MARK", MARK_CALL);
            }
        }
        end(&mut command, &log, amount.timeout)?;

        let text = fs::read(&measurement)
            .context("the meter left nothing: was the device not destroyed?")?;
        let mut measurement: Measurement = serde_json::from_slice(&text)?;
        ensure!(
            measurement.presents.len() as u64 == amount.frames,
            "{} frames were measured, not {}: the application ended too early",
            measurement.presents.len(),
            amount.frames
        );
        if side.is_layer() {
            ensure!(
                measurement.below.ends_with(LAYER),
                "below the meter is {}, not the layer",
                measurement.below
            );
        }
        let way = match (side, pass) {
            (Side::Layer(_), Pass::Allocations) => Some(reported(&report, &mut measurement)?),
            _ => None,
        };
        let trace = match pass {
            Pass::SystemCalls => String::from_utf8_lossy(&fs::read(&trace)?).into_owned(),
            _ => String::new(),
        };
        Ok(Run {
            measurement,
            way,
            trace,
        })
    }

    fn layer_path(&self, chosen: &[&str]) -> Result<std::ffi::OsString> {
        let others = layers::environment(chosen)
            .into_iter()
            .find(|(name, _)| name == "VK_ADD_LAYER_PATH")
            .map(|(_, path)| path)
            .unwrap_or_default();
        let others = env::split_paths(&others);
        Ok(env::join_paths(
            others.chain([self.directory.path().to_owned()]),
        )?)
    }
}

/// From the layer's report: its way, and how long the driver took to make images.
fn reported(report: &Path, measurement: &mut Measurement) -> Result<String> {
    let reports = report::read(report).unwrap_or_default();
    let Some(report) = reports.first() else {
        bail!("the layer stepped aside: `wayfence doctor` says why");
    };
    // A swapchain reports when it ends. The benchmark's applications have one at a time, so reports come in the
    // order of creations; for others the row stays empty.
    if reports.len() == measurement.creations.len() {
        for (creation, report) in measurement.creations.iter_mut().zip(&reports) {
            creation.images = Some(report.creation.images_ns);
        }
    }
    Ok(report.synchronisation.clone())
}

/// Runs a command to its end.
fn end(command: &mut Command, log: &Path, timeout: Duration) -> Result<()> {
    let output = fs::File::create(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("{:?}", command.get_program()))?;
    let deadline = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let said = || {
        let text = fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    };
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{:?}: {status}\n{}", command.get_program(), said()),
        None => bail!(
            "{:?} did not end in {} s\n{}",
            command.get_program(),
            timeout.as_secs(),
            said()
        ),
    }
}
