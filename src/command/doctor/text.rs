//! The findings for people.

use std::fmt::Write as _;
use std::io;

use anstyle::{AnsiColor, Style};
use wayfence::format::modifier_name;

use super::colours::Colours;
use super::loader::Manifest;
use super::vulkan::{Device, Vulkan};
use super::{findings::Findings, looked::Looked, verdict};
use crate::command::terminal::{self, printable};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const TITLE: Style = Style::new().bold();

/// The compositor's protocols that matter to the layer.
const PROTOCOLS: [&str; 8] = [
    "zwp_linux_dmabuf_v1",
    "wp_linux_drm_syncobj_manager_v1",
    "zwp_linux_explicit_synchronization_v1",
    "wp_fifo_manager_v1",
    "wp_commit_timing_manager_v1",
    "wp_presentation",
    "wp_tearing_control_manager_v1",
    "wp_color_manager_v1",
];

/// Writes the findings, in colour where the stream is a terminal.
///
/// # Errors
/// Those of the stream, but for a reader that has closed it.
pub fn write(findings: &Findings) -> io::Result<()> {
    let mut page = Page::default();
    kernel(&mut page, findings);
    compositor(&mut page, findings);
    loader(&mut page, findings);
    if let Looked::Found(vulkan) = &findings.vulkan {
        for number in 0..vulkan.devices.len() {
            device(&mut page, findings, vulkan, number);
        }
    }
    conclusion(&mut page, findings);
    terminal::print(&page.0)
}

/// Text that grows line by line.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, title: &str, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        let text = printable(text);
        let _ = writeln!(self.0, "{TITLE}{title}{TITLE:#}  {text}");
    }

    /// A feature that is present or missing.
    fn fact(&mut self, is_there: bool, what: &str, detail: &str) {
        let (style, word) = if is_there {
            (GOOD, "yes")
        } else {
            (BAD, "no ")
        };
        let separator = if detail.is_empty() { "" } else { ": " };
        let (what, detail) = (printable(what), printable(detail));
        let _ = writeln!(
            self.0,
            "  {style}{word}{style:#}  {what}{separator}{detail}"
        );
    }

    /// A hint.
    fn note(&mut self, text: &str) {
        let text = printable(text);
        let _ = writeln!(self.0, "       {text}");
    }
}

fn kernel(page: &mut Page, findings: &Findings) {
    let kernel = &findings.kernel;
    page.title("Kernel", &kernel.release);
    match &kernel.dma_buf {
        Looked::Found(source) => page.fact(true, "dma-bufs to try things with", source),
        Looked::Failed { error } => page.fact(
            false,
            "dma-bufs to try things with, without the driver",
            error,
        ),
    }
    for (name, tried) in [
        ("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", &kernel.export_sync_file),
        ("DMA_BUF_IOCTL_IMPORT_SYNC_FILE", &kernel.import_sync_file),
    ] {
        match tried {
            Some(Looked::Found(())) => page.fact(true, name, ""),
            Some(Looked::Failed { error }) => page.fact(false, name, error),
            None => page.note(&format!("{name}: nothing to try it on")),
        }
    }
    if kernel.drm.is_empty() {
        page.fact(
            false,
            "timeline syncobjs",
            "there are no devices in /dev/dri",
        );
    }
    for node in &kernel.drm {
        let path = node.path.display();
        match &node.driver {
            Looked::Found(driver) => page.fact(
                node.timeline_syncobj,
                "timeline syncobjs",
                &format!("{path}, {driver}"),
            ),
            Looked::Failed { error } => {
                page.fact(false, "timeline syncobjs", &format!("{path}: {error}"));
            }
        }
    }
}

fn compositor(page: &mut Page, findings: &Findings) {
    let compositor = match &findings.compositor {
        Looked::Found(compositor) => compositor,
        Looked::Failed { error } => {
            page.title("Compositor", "none");
            page.note(error);
            return;
        }
    };
    page.title("Compositor", &compositor.name);
    for protocol in PROTOCOLS {
        match compositor.version(protocol) {
            Some(version) => page.fact(true, &format!("{protocol} version {version}"), ""),
            None => page.fact(false, protocol, ""),
        }
    }
    if compositor.formats.is_empty() {
        page.fact(false, "dma-bufs with explicit modifiers", "");
    } else {
        page.fact(
            true,
            "dma-bufs with explicit modifiers",
            &format!("{} Vulkan formats", compositor.formats.len()),
        );
    }
    if let Some(colours) = &compositor.colours {
        self::colours(page, colours);
    }
    if let Some(device) = &compositor.main_device {
        page.note(&format!("its main device is {}", device.display()));
    }
}

fn colours(page: &mut Page, colours: &Colours) {
    page.note(&format!("it shows {}", colours.spaces.join(", ")));
    page.note(&format!(
        "of HDR metadata it takes {}",
        match colours.metadata.as_slice() {
            [] => "nothing".to_owned(),
            some => some.join(", "),
        }
    ));
    for output in &colours.outputs {
        let mut text = format!(
            "its output {} has the primaries {} and the transfer function {}",
            output.name, output.primaries, output.transfer
        );
        if let Some([least, greatest]) = output.luminance {
            let _ = write!(text, ", shows {least} to {greatest} cd/m²");
        }
        if let Some(white) = output.white {
            let _ = write!(text, ", white at {white} cd/m²");
        }
        page.note(&text);
    }
}

fn loader(page: &mut Page, findings: &Findings) {
    match &findings.vulkan {
        Looked::Found(vulkan) => {
            page.title("Vulkan loader", &format!("version {}", vulkan.version));
        }
        Looked::Failed { error } => {
            page.title("Vulkan", "cannot be used");
            page.note(error);
        }
    }
    for manifest in &findings.manifests {
        page.fact(
            manifest.library_exists,
            &format!("installed by {}", manifest.path.display()),
            &describe(manifest),
        );
    }
    if findings.manifests.is_empty() {
        page.fact(false, "installed", "the loader knows no such layer");
    }
    if matches!(findings.vulkan, Looked::Failed { .. }) {
        return;
    }
    let ours = findings.chain.iter().find(|link| link.is_ours());
    match ours {
        Some(link) => page.fact(true, "loaded", &link.library),
        None => page.fact(false, "loaded", &findings.why_not_loaded),
    }
    let mut chain = vec!["application"];
    chain.extend(findings.chain.iter().map(|link| link.name.as_str()));
    chain.push("driver");
    page.note(&format!("the chain: {}", chain.join(" > ")));
}

fn describe(manifest: &Manifest) -> String {
    let library = manifest.library.display();
    if !manifest.library_exists {
        return format!("{library} is not there");
    }
    let kind = match (manifest.implicit, &manifest.enabled_by) {
        (true, None) => "for every application".to_owned(),
        (true, Some((name, value))) => format!("for applications with {name}={value}"),
        (false, _) => "for applications that ask for it".to_owned(),
    };
    format!("{kind}, {library}")
}

fn device(page: &mut Page, findings: &Findings, vulkan: &Vulkan, number: usize) {
    let device = &vulkan.devices[number];
    page.title("Vulkan device", &device.name);
    page.note(&format!("{}, Vulkan {}", device.driver, device.version));
    for (name, is_there) in &device.extensions {
        page.fact(*is_there, name, "");
    }
    page.fact(
        device.semaphore_sync_files,
        "semaphores to sync_files and back",
        "",
    );
    page.fact(device.fence_sync_files, "fences from sync_files", "");
    formats(page, findings, device);
    let Looked::Found(surface) = &device.surface else {
        return;
    };
    page.note(&format!("a surface offers {}", surface.formats.join(", ")));
    page.note(&format!(
        "in the colour spaces {}",
        surface.color_spaces.join(", ")
    ));
    page.note(&format!(
        "and presents in {}",
        surface.present_modes.join(", ")
    ));
    if let Looked::Found(Some(report)) = &surface.swapchain {
        page.note(&format!(
            "a swapchain was made: {}, modifier {}, synchronisation {}",
            report.format,
            modifier_name(report.modifier),
            report.synchronisation
        ));
    }
    if number > 0 {
        let is_loaded = findings.chain.iter().any(|link| link.is_ours());
        page.note(&format!(
            "on this device, {}",
            verdict::on_device(device, &findings.logs[number], is_loaded)
        ));
    }
}

/// The formats and modifiers that both compositor and driver have; formats with the same modifiers together.
fn formats(page: &mut Page, findings: &Findings, device: &Device) {
    let Looked::Found(compositor) = &findings.compositor else {
        return;
    };
    let mut shared: Vec<(String, Vec<&str>)> = Vec::new();
    for (format, modifiers) in &device.formats {
        let Some(offered) = compositor.formats.get(format) else {
            continue;
        };
        let both: Vec<_> = modifiers
            .iter()
            .filter(|modifier| offered.contains(modifier))
            .map(String::as_str)
            .collect();
        if both.is_empty() {
            continue;
        }
        let both = both.join(", ");
        match shared.iter_mut().find(|(known, _)| *known == both) {
            Some((_, formats)) => formats.push(format),
            None => shared.push((both, vec![format])),
        }
    }
    page.fact(
        !shared.is_empty(),
        "formats and modifiers that the compositor takes",
        "",
    );
    for (modifiers, formats) in shared {
        page.note(&format!("{modifiers}: {}", formats.join(", ")));
    }
}

fn conclusion(page: &mut Page, findings: &Findings) {
    let verdict = &findings.verdict;
    let text = match (verdict.takes_over, &verdict.synchronisation) {
        (Some(true), Some(way)) => format!("Wayfence takes over; synchronisation: {way}"),
        (Some(true), None) => "Wayfence takes over".to_owned(),
        (Some(false), _) => format!("Wayfence steps aside: {}", verdict.why),
        (None, _) => format!("It cannot be told: {}", verdict.why),
    };
    page.title("Verdict", &text);
    for advice in &verdict.advice {
        page.note(advice);
    }
}
