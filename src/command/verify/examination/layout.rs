//! Whether the images have the best layout that both sides know.

use wayfence::format::modifier_name;
use wayfence::wayland;

use super::stage::Stage;
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::Fault;

const ASKED: Question = Question::Layout;
/// `DRM_FORMAT_MOD_LINEAR`.
const LINEAR: u64 = 0;

/// Looks at the buffer of a frame.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let swapchain = stage.swapchain()?;
    let (_, commit) = stage.show(&swapchain)?;
    let buffer = commit
        .buffer
        .as_ref()
        .ok_or_else(|| Fault("the image is no dma-buf".to_owned()))?;
    // SAFETY: the window's display, which lives as long as it, and outlives what is made here.
    let display = unsafe { wayland::Display::of(stage.surface.window.display()) }?;
    let taken = display
        .capabilities()
        .formats
        .modifiers(buffer.fourcc)
        .to_vec();
    drop(display);
    let able = stage.gpu.layouts(stage.device.physical, swapchain.format);
    let shared: Vec<u64> = able
        .iter()
        .map(|layout| layout.drm_format_modifier)
        .filter(|modifier| taken.contains(modifier))
        .collect();
    let planes = able
        .iter()
        .find(|layout| layout.drm_format_modifier == buffer.modifier)
        .map(|layout| layout.drm_format_modifier_plane_count as usize);
    let name = modifier_name(buffer.modifier);
    let is_foreign = stage
        .main_device
        .is_some_and(|main| stage.gpu.is_another(stage.device.physical, main));
    let has_tiles = shared.iter().any(|modifier| *modifier != LINEAR);
    let count = buffer.strides.len();
    Ok(vec![if planes.is_some_and(|planes| planes != count) {
        Finding::fail(
            ASKED,
            format!("{name} with {count} planes, and the driver's has {planes:?}"),
        )
    } else if !shared.contains(&buffer.modifier) {
        Finding::fail(ASKED, format!("{name}, which one side does not know"))
    } else if buffer.modifier == LINEAR && is_foreign {
        Finding::pass(ASKED, "LINEAR, between two devices")
    } else if buffer.modifier == LINEAR && has_tiles {
        let others: Vec<_> = shared
            .iter()
            .map(|modifier| modifier_name(*modifier))
            .collect();
        Finding::fail(ASKED, format!("LINEAR, of {}", others.join(", ")))
    } else {
        Finding::pass(
            ASKED,
            format!("{name}, planes: {count}; both know {}", shared.len()),
        )
    }])
}
