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
    let planes = able
        .iter()
        .find(|layout| layout.drm_format_modifier == buffer.modifier)
        .map(|layout| layout.drm_format_modifier_plane_count as usize);
    let shared = able
        .iter()
        .map(|layout| layout.drm_format_modifier)
        .filter(|modifier| taken.contains(modifier))
        .collect();
    let is_foreign = stage
        .main_device
        .is_some_and(|main| stage.gpu.is_another(stage.device.physical, main));
    Ok(vec![
        Layout {
            modifier: buffer.modifier,
            has: buffer.strides.len(),
            needs: planes,
            shared,
            is_foreign,
        }
        .judged(),
    ])
}

/// A buffer's layout.
struct Layout {
    modifier: u64,
    /// The planes that it has.
    has: usize,
    /// The planes that the driver makes of the modifier, if it knows it.
    needs: Option<usize>,
    /// The modifiers that driver and compositor know.
    shared: Vec<u64>,
    /// The compositor's device is another one.
    is_foreign: bool,
}

impl Layout {
    fn judged(&self) -> Finding {
        let name = modifier_name(self.modifier);
        let has_tiles = self.shared.iter().any(|modifier| *modifier != LINEAR);
        if !self.shared.contains(&self.modifier) {
            return Finding::fail(ASKED, format!("{name}, which one side does not know"));
        }
        match (self.modifier, self.is_foreign) {
            _ if self.needs.is_some_and(|planes| planes != self.has) => Finding::fail(
                ASKED,
                format!("{name} with {} planes, not the driver's", self.has),
            ),
            (LINEAR, true) => Finding::pass(ASKED, "LINEAR, between two devices"),
            (LINEAR, false) if has_tiles => {
                let names: Vec<_> = self
                    .shared
                    .iter()
                    .map(|known| modifier_name(*known))
                    .collect();
                Finding::fail(ASKED, format!("LINEAR, of {}", names.join(", ")))
            }
            _ => Finding::pass(
                ASKED,
                format!(
                    "{name}, planes: {}; both know {}",
                    self.has,
                    self.shared.len()
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::verify::finding::Verdict;

    /// `I915_FORMAT_MOD_Y_TILED`.
    const TILED: u64 = 1 << 56 | 2;

    fn verdict(modifier: u64, planes: [usize; 2], shared: &[u64], is_foreign: bool) -> Verdict {
        let layout = Layout {
            modifier,
            has: planes[0],
            needs: Some(planes[1]),
            shared: shared.to_vec(),
            is_foreign,
        };
        layout.judged().verdict
    }

    #[test]
    fn tiles_are_better_than_rows_on_one_device() {
        let both = [LINEAR, TILED];
        assert_eq!(verdict(TILED, [1, 1], &both, false), Verdict::Pass);
        assert_eq!(verdict(LINEAR, [1, 1], &[LINEAR], false), Verdict::Pass);
        assert_eq!(verdict(LINEAR, [1, 1], &both, false), Verdict::Fail);
        assert_eq!(verdict(LINEAR, [1, 1], &both, true), Verdict::Pass);
    }

    #[test]
    fn both_sides_know_modifier_and_planes() {
        assert_eq!(verdict(TILED, [1, 1], &[LINEAR], false), Verdict::Fail);
        assert_eq!(verdict(TILED, [1, 2], &[TILED], false), Verdict::Fail);
    }
}
