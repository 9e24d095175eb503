//! `wayfence doctor`: will the layer take over a surface here, and if not, why?
//!
//! The facts are for people to read; the verdict is the layer's own, from a swapchain made through
//! the loader in this environment.

mod colours;
pub mod compositor;
mod findings;
mod kernel;
mod loader;
mod looked;
pub mod probe;
mod text;
mod verdict;
mod vulkan;

use std::env;
use std::process::ExitCode;

use findings::Findings;
use kernel::Kernel;
use looked::Looked;
use probe::Part;
use verdict::{Evidence, Verdict};
use vulkan::Vulkan;

use super::terminal::{self, complain};

/// Looks, prints, and answers the verdict's exit status.
pub fn run(json: bool) -> ExitCode {
    let findings = look();
    let written = if json {
        terminal::print(&terminal::json(&findings))
    } else {
        text::write(&findings)
    };
    if let Err(error) = written {
        complain(format_args!("stdout: {error}"));
        return ExitCode::from(2);
    }
    ExitCode::from(findings.verdict.exit_status())
}

fn look() -> Findings {
    let kernel = Kernel::look();
    let (compositor, _) = probe::ask(Part::Compositor, &[]);
    let (vulkan, log) = ask_vulkan();
    let chain = loader::chain(&log);
    let manifests = loader::manifests();
    let why_not_loaded = loader::why_not_loaded(&manifests, &log, |name| env::var_os(name));
    let logs = match &vulkan {
        Looked::Found(found) => (0..found.devices.len())
            .map(|number| about_device(&log, number))
            .collect(),
        Looked::Failed { .. } => Vec::new(),
    };
    let verdict = Verdict::draw(&Evidence {
        kernel: &kernel,
        compositor: &compositor,
        vulkan: &vulkan,
        chain: &chain,
        why_not_loaded: why_not_loaded.clone(),
        logs: &logs,
        forced: env::var("WAYFENCE_SYNC").ok(),
    });
    Findings {
        version: env!("CARGO_PKG_VERSION"),
        kernel,
        compositor,
        manifests,
        chain,
        why_not_loaded,
        vulkan,
        logs,
        verdict,
    }
}

/// Has loader and driver looked at, with a layer that tells all, and a loader that tells its chain.
fn ask_vulkan() -> (Looked<Vulkan>, String) {
    let report = match tempfile::NamedTempFile::with_prefix("wayfence-doctor-") {
        Ok(file) => file,
        Err(error) => return (Err(error).into(), String::new()),
    };
    let variables = [
        ("WAYFENCE_REPORT", report.path().display().to_string()),
        ("WAYFENCE_LOG", "info".to_owned()),
        ("VK_LOADER_DEBUG", "error,warn,layer".to_owned()),
    ];
    probe::ask(Part::Vulkan, &variables)
}

/// What was logged after the mark of a device and before the next one's.
fn about_device(log: &str, number: usize) -> String {
    let mark = format!("{}{number}", vulkan::MARK);
    log.lines()
        .skip_while(|line| *line != mark)
        .skip(1)
        .take_while(|line| !line.starts_with(vulkan::MARK))
        .collect::<Vec<_>>()
        .join("\n")
}
