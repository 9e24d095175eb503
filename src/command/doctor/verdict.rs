//! The verdict, and advice, from the findings.

use serde::Serialize;

use super::compositor::Compositor;
use super::kernel::Kernel;
use super::loader::Link;
use super::looked::Looked;
use super::vulkan::{Device, Vulkan};
use crate::command::layer;

/// Whether the layer takes over, and what to do about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it does; `None` if that is unknown.
    pub takes_over: Option<bool>,
    /// Why not; empty where it does.
    pub why: String,
    /// The way of synchronisation, where it does.
    pub synchronisation: Option<String>,
    /// What could be improved, and how.
    pub advice: Vec<String>,
}

/// What a verdict is drawn from.
pub struct Evidence<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// The compositor.
    pub compositor: &'a Looked<Compositor>,
    /// Loader and driver.
    pub vulkan: &'a Looked<Vulkan>,
    /// The layers of an instance.
    pub chain: &'a [Link],
    /// Why our layer is not among them, if it is not.
    pub why_not_loaded: String,
    /// The layer's log for each device's surface.
    pub logs: &'a [String],
    /// `WAYFENCE_SYNC`.
    pub forced: Option<String>,
}

/// The explicit synchronisation protocols, best first, with the ways that speak them.
const EXPLICIT: [(&str, &str); 2] = [
    ("wp_linux_drm_syncobj_manager_v1", "syncobj"),
    ("zwp_linux_explicit_synchronization_v1", "explicit"),
];

impl Verdict {
    /// The verdict for the first device, which most applications take.
    pub fn draw(evidence: &Evidence<'_>) -> Self {
        let mut verdict = Self::on_taking_over(evidence);
        verdict.advise(evidence);
        verdict
    }

    /// The command's exit status: 0 if the layer takes over, 1 if it steps aside, 2 if that is unknown.
    pub fn exit_status(&self) -> u8 {
        match self.takes_over {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        }
    }

    fn on_taking_over(evidence: &Evidence<'_>) -> Self {
        let vulkan = match evidence.vulkan {
            Looked::Found(vulkan) => vulkan,
            Looked::Failed { error } => return Self::unknown(error.clone()),
        };
        let Some(device) = vulkan.devices.first() else {
            return Self::unknown("the Vulkan driver has no device".to_owned());
        };
        if let Looked::Failed { error } = evidence.compositor {
            return Self::unknown(error.clone());
        }
        if !evidence.chain.iter().any(Link::is_ours) {
            return Self::aside(format!(
                "the layer is not loaded: {}",
                evidence.why_not_loaded
            ));
        }
        let log = evidence.logs.first().map_or("", String::as_str);
        if let Some(why) = why_aside(log) {
            return Self::aside(why);
        }
        match &device.surface {
            Looked::Failed { error } => Self::unknown(error.clone()),
            Looked::Found(surface) => match &surface.swapchain {
                Looked::Found(Some(report)) => Self {
                    takes_over: Some(true),
                    why: String::new(),
                    synchronisation: Some(report.synchronisation.clone()),
                    advice: Vec::new(),
                },
                Looked::Found(None) => {
                    Self::unknown("the layer is loaded and does not report".to_owned())
                }
                Looked::Failed { error } => {
                    Self::aside(last_complaint(log).unwrap_or_else(|| error.clone()))
                }
            },
        }
    }

    fn unknown(why: String) -> Self {
        Self {
            takes_over: None,
            why,
            synchronisation: None,
            advice: Vec::new(),
        }
    }

    fn aside(why: String) -> Self {
        Self {
            takes_over: Some(false),
            ..Self::unknown(why)
        }
    }

    fn advise(&mut self, evidence: &Evidence<'_>) {
        let is_loaded = evidence.chain.iter().any(Link::is_ours);
        if matches!(evidence.vulkan, Looked::Found(_)) && !is_loaded {
            self.advice
                .push("`wayfence run -- APP` runs an application through the layer".to_owned());
        }
        for below in below_us(evidence.chain) {
            self.advice.push(format!(
                "{} is below the layer and will not be seen: `wayfence run -- APP` puts it above",
                below.name
            ));
        }
        for other in evidence.chain.iter().filter(|link| link.is_window_system()) {
            self.advice.push(format!(
                "{} takes over swapchains, too: whichever of the two is above has them",
                other.name
            ));
        }
        if let Looked::Found(vulkan) = evidence.vulkan
            && vulkan
                .devices
                .first()
                .is_some_and(|first| first.is_software)
        {
            self.advice.push(
                "the driver renders on the CPU: is the driver of a GPU missing, or barred from \
                 /dev/dri?"
                    .to_owned(),
            );
        }
        if let Some(extensions) = evidence.logs.first().and_then(|log| only_below(log)) {
            self.advice.push(format!(
                "an application that enables {extensions} keeps the driver's swapchains, which \
                 alone can do that"
            ));
        }
        match &self.synchronisation {
            Some(way) => {
                if let Some(advice) = better_way(way, evidence) {
                    self.advice.push(advice);
                }
            }
            // Without the other obstacle the layer would wait on the CPU.
            None if evidence.kernel.has_sync_files() == Some(false) => self.advice.push(
                "the kernel has no sync_files in dma-bufs: Linux 6.0 brought them".to_owned(),
            ),
            None => {}
        }
    }
}

/// Advice for a better way of synchronisation than this, if there is one.
fn better_way(way: &str, evidence: &Evidence<'_>) -> Option<String> {
    if let Some(forced) = evidence
        .forced
        .as_deref()
        .filter(|forced| !["", "auto"].contains(forced))
    {
        return Some(format!(
            "WAYFENCE_SYNC={forced} forces this way: without it the best is chosen"
        ));
    }
    if way == "cpu" {
        if let Some(why) = evidence.logs.first().and_then(|log| why_cpu(log)) {
            return Some(format!("each frame waits on the CPU: {why}"));
        }
        return Some(
            "each frame waits on the CPU, as the kernel has no sync_files in dma-bufs: Linux 6.0 \
             brought them"
                .to_owned(),
        );
    }
    let Looked::Found(compositor) = evidence.compositor else {
        return None;
    };
    let offered = EXPLICIT
        .iter()
        .find(|(protocol, _)| compositor.version(protocol).is_some());
    match offered {
        Some((_, name)) if *name == way => None,
        Some((protocol, "syncobj"))
            if !evidence.kernel.drm.iter().any(|node| node.timeline_syncobj) =>
        {
            Some(format!(
                "the compositor offers {protocol}, but no device in /dev/dri can be opened that \
                 has timeline syncobjs"
            ))
        }
        Some(_) => None,
        None if way == "implicit" => Some(
            "the compositor has no protocol for explicit synchronisation: fences go by way of the \
             dma-bufs, which every kernel driver must support"
                .to_owned(),
        ),
        None => None,
    }
}

/// Overlays in the chain below the layer, which see no swapchain: the layer answers before them.
fn below_us(chain: &[Link]) -> impl Iterator<Item = &Link> {
    chain
        .iter()
        .skip_while(|link| !link.is_ours())
        .filter(|link| link.is_overlay())
}

/// Why the layer stepped aside, from its log.
fn why_aside(log: &str) -> Option<String> {
    let line = log
        .lines()
        .find(|line| line.contains("Wayfence steps aside"))?;
    let (_, why) = line.split_once("why=\"")?;
    Some(why.trim_end_matches('"').replace("\\\"", "\""))
}

/// Why the CPU waits although the kernel has sync_files of dma-bufs, from the layer's log.
fn why_cpu(log: &str) -> Option<String> {
    let line = log
        .lines()
        .find(|line| line.contains("the CPU waits for renderings"))?;
    let (_, why) = line.split_once("why=\"")?;
    Some(why.split('"').next()?.to_owned())
}

/// The extensions with which a device keeps the driver's swapchains, from the layer's log.
fn only_below(log: &str) -> Option<String> {
    let line = log
        .lines()
        .find(|line| line.contains("keeps the driver's swapchains"))?;
    let (_, extensions) = line.split_once("extensions=\"")?;
    Some(extensions.split('"').next()?.to_owned())
}

/// The layer's last error or warning.
fn last_complaint(log: &str) -> Option<String> {
    log.lines()
        .rev()
        .map(str::trim)
        .find_map(|line| {
            line.strip_prefix("ERROR ")
                .or_else(|| line.strip_prefix("WARN "))
        })
        .map(str::to_owned)
}

/// Whether the layer takes over on a device other than the first, and if not, why.
pub fn on_device(device: &Device, log: &str, is_loaded: bool) -> String {
    if !is_loaded {
        return "the layer is not loaded".to_owned();
    }
    match &device.surface {
        Looked::Failed { error } => error.clone(),
        Looked::Found(surface) => match (&surface.swapchain, why_aside(log)) {
            (_, Some(why)) => format!("the layer steps aside: {why}"),
            (Looked::Found(Some(report)), _) => {
                format!("the layer takes over, {}", report.synchronisation)
            }
            (Looked::Found(None), _) => format!("{} does not report", layer::NAME),
            (Looked::Failed { error }, _) => last_complaint(log).unwrap_or_else(|| error.clone()),
        },
    }
}
