//! Whether other devices can present to the same window.

use ash::vk;

use super::stage::{IMAGES, PATIENCE, Stage};
use crate::command::verify::finding::Finding;
use crate::command::verify::question::Question;
use crate::command::verify::scene::{Device, Fault, Swapchain};

const ASKED: Question = Question::Devices;
/// Enough that an image has to come back.
const FRAMES: usize = 10;

/// Draws a few frames with each.
pub fn ask(stage: &Stage) -> Result<Vec<Finding>, Fault> {
    let others: Vec<_> = stage.gpu.devices[1..]
        .iter()
        .copied()
        .filter(|device| !stage.gpu.is_software(*device))
        .collect();
    if others.is_empty() {
        return Ok(vec![Finding::untold(
            ASKED,
            "there is no other Vulkan device with hardware",
        )]);
    }
    let mut shown = Vec::new();
    for device in others {
        let name = stage.gpu.name(device);
        let refused = stage.seen.refused();
        let outcome = show(stage, device);
        if stage.seen.refused() > refused {
            let why = format!("{name}: the compositor refused its images");
            return Ok(vec![Finding::fail(ASKED, why)]);
        }
        match outcome {
            Ok(()) => shown.push(name),
            Err(Fault(why)) => return Ok(vec![Finding::fail(ASKED, format!("{name}: {why}"))]),
        }
    }
    Ok(vec![Finding::pass(ASKED, shown.join("; "))])
}

fn show(stage: &Stage, physical: vk::PhysicalDevice) -> Result<(), Fault> {
    let device = Device::new(&stage.gpu, physical, Some(&stage.surface))?;
    let mode = vk::PresentModeKHR::MAILBOX;
    let swapchain = Swapchain::new(&device, &stage.surface, mode, IMAGES)?;
    let number = stage.commits()?;
    for _ in 0..FRAMES {
        swapchain.show()?;
    }
    stage.commit(number)?;
    // Not a certain one: whichever was shown last stays.
    match stage.seen.is_one_released(number, PATIENCE) {
        true => Ok(()),
        false => Err(Fault("the compositor did not release an image".to_owned())),
    }
}
