//! What a surface offers on a device.

use ash::vk;
use serde::{Deserialize, Serialize};
use wayfence::colour;
use wayfence::present_mode::PresentMode;
use wayfence::report::SwapchainReport;

use super::instance::Instance;
use super::swapchain;
use crate::command::doctor::Looked;

/// What a surface offers on a device.
#[derive(Serialize, Deserialize)]
pub struct Surface {
    /// Its formats.
    pub formats: Vec<String>,
    /// The colour spaces of these formats.
    pub color_spaces: Vec<String>,
    /// Its present modes.
    pub present_modes: Vec<String>,
    /// The layer's report on an unused swapchain; `None` if the layer did not own it, an error if its creation
    /// failed.
    pub swapchain: Looked<Option<SwapchainReport>>,
}

impl Surface {
    /// Queries the surface on the device, and tries a swapchain there.
    pub fn on(
        instance: &Instance,
        device: vk::PhysicalDevice,
        surface: vk::SurfaceKHR,
    ) -> Result<Self, String> {
        let family = presenting_family(instance, device, surface)?;
        // SAFETY: a device and a surface of this instance.
        let (formats, present_modes) = unsafe {
            (
                instance
                    .surfaces
                    .get_physical_device_surface_formats(device, surface),
                instance
                    .surfaces
                    .get_physical_device_surface_present_modes(device, surface),
            )
        };
        let formats =
            formats.map_err(|error| format!("vkGetPhysicalDeviceSurfaceFormatsKHR: {error}"))?;
        let present_modes = present_modes
            .map_err(|error| format!("vkGetPhysicalDeviceSurfacePresentModesKHR: {error}"))?;
        let swapchain = match formats.first() {
            Some(format) => swapchain::report(instance, device, surface, family, *format),
            None => Err("the surface offers no format".to_owned()),
        };
        let mut names: Vec<String> = Vec::new();
        let mut color_spaces: Vec<String> = Vec::new();
        let add = |names: &mut Vec<String>, name| {
            // Once for each colour space, or format.
            if !names.contains(&name) {
                names.push(name);
            }
        };
        for format in &formats {
            add(&mut names, format!("{:?}", format.format));
            let space = colour::from_vk(format.color_space);
            let unknown = || format!("{:?}", format.color_space);
            add(
                &mut color_spaces,
                space.map_or_else(unknown, ToString::to_string),
            );
        }
        Ok(Self {
            formats: names,
            color_spaces,
            present_modes: present_modes
                .iter()
                .map(|mode| present_mode(*mode))
                .collect(),
            swapchain: swapchain.into(),
        })
    }
}

/// The mode's name, without its prefix.
fn present_mode(mode: vk::PresentModeKHR) -> String {
    match mode {
        FIFO_LATEST_READY => PresentMode::FifoLatestReady.name().to_owned(),
        mode => format!("{mode:?}"),
    }
}

/// `VK_PRESENT_MODE_FIFO_LATEST_READY_KHR`, which `ash` lacks.
const FIFO_LATEST_READY: vk::PresentModeKHR = vk::PresentModeKHR::from_raw(1_000_361_000);

fn presenting_family(
    instance: &Instance,
    device: vk::PhysicalDevice,
    surface: vk::SurfaceKHR,
) -> Result<u32, String> {
    // SAFETY: a device of this instance.
    let families = unsafe {
        instance
            .raw
            .get_physical_device_queue_family_properties(device)
    };
    (0..families.len() as u32)
        .find(|family| {
            // SAFETY: a device and a surface of this instance, and a family that the device has.
            unsafe {
                instance
                    .surfaces
                    .get_physical_device_surface_support(device, *family, surface)
            }
            .unwrap_or(false)
        })
        .ok_or_else(|| "no queue can present to the surface".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_present_mode_has_a_name() {
        let modes = [
            vk::PresentModeKHR::IMMEDIATE,
            vk::PresentModeKHR::MAILBOX,
            vk::PresentModeKHR::FIFO,
            vk::PresentModeKHR::FIFO_RELAXED,
            FIFO_LATEST_READY,
        ];
        for mode in modes.map(present_mode) {
            let known = PresentMode::ALL.iter().any(|known| known.name() == mode);
            assert!(known, "{mode}");
        }
    }
}
