//! The structures that extend `VkPresentInfoKHR`, which hold one value for each of its swapchains.

use std::ffi::c_void;

use ash::vk;
use wayfence::{present_mode::PresentMode, wayland::Rectangle};

use crate::{p_next, present_mode, registry::PresentId2KHR};

/// What the layer, or a driver that presents a part of the swapchains, needs of the chain.
pub struct PresentChain<'a> {
    regions: &'a [vk::PresentRegionKHR<'a>],
    fences: &'a [vk::Fence],
    modes: &'a [vk::PresentModeKHR],
    ids: &'a [u64],
    ids2: &'a [u64],
    device_masks: &'a [u32],
    device_group_mode: vk::DeviceGroupPresentModeFlagsKHR,
}

impl<'a> PresentChain<'a> {
    /// # Safety
    /// `chain` is the valid chain of a `VkPresentInfoKHR` and lives for `'a`.
    pub unsafe fn of(chain: *const c_void) -> Self {
        // SAFETY: the caller guarantees a valid chain, whose arrays have the lengths that they say.
        unsafe {
            let groups = p_next::find::<vk::DeviceGroupPresentInfoKHR<'_>>(chain);
            PresentChain {
                regions: p_next::find::<vk::PresentRegionsKHR<'_>>(chain)
                    .map_or(&[], |of| p_next::slice(of.p_regions, of.swapchain_count)),
                fences: p_next::find::<vk::SwapchainPresentFenceInfoEXT<'_>>(chain)
                    .map_or(&[], |of| p_next::slice(of.p_fences, of.swapchain_count)),
                modes: p_next::find::<vk::SwapchainPresentModeInfoEXT<'_>>(chain)
                    .map_or(&[], |of| {
                        p_next::slice(of.p_present_modes, of.swapchain_count)
                    }),
                ids: p_next::find::<vk::PresentIdKHR<'_>>(chain).map_or(&[], |of| {
                    p_next::slice(of.p_present_ids, of.swapchain_count)
                }),
                ids2: p_next::find::<PresentId2KHR<'_>>(chain).map_or(&[], |of| {
                    p_next::slice(of.p_present_ids, of.swapchain_count)
                }),
                device_masks: groups.map_or(&[], |of| {
                    p_next::slice(of.p_device_masks, of.swapchain_count)
                }),
                device_group_mode: groups
                    .map_or(vk::DeviceGroupPresentModeFlagsKHR::LOCAL, |of| of.mode),
            }
        }
    }

    /// What has changed in the image of the swapchain at this place; nothing said: everything.
    pub fn damage(&self, at: usize) -> impl Iterator<Item = Rectangle> + '_ {
        let rectangles = match self.regions.get(at) {
            // SAFETY: the array of a valid structure.
            Some(region) => unsafe { p_next::slice(region.p_rectangles, region.rectangle_count) },
            None => &[],
        };
        rectangles.iter().map(|rectangle| Rectangle {
            x: rectangle.offset.x,
            y: rectangle.offset.y,
            width: rectangle.extent.width.try_into().unwrap_or(i32::MAX),
            height: rectangle.extent.height.try_into().unwrap_or(i32::MAX),
        })
    }

    /// The mode in which the swapchain at this place presents from now on; nothing said: as before.
    pub fn mode(&self, at: usize) -> Option<PresentMode> {
        self.modes.get(at).copied().and_then(present_mode::from_vk)
    }

    /// The number of the frame of the swapchain at this place; 0 is none.
    pub fn id(&self, at: usize) -> Option<u64> {
        let of = |ids: &[u64]| ids.get(at).copied().filter(|id| *id != 0);
        of(self.ids2).or_else(|| of(self.ids))
    }

    /// The fence to signal for the swapchain at this place.
    pub fn fence(&self, at: usize) -> Option<vk::Fence> {
        self.fences
            .get(at)
            .copied()
            .filter(|fence| *fence != vk::Fence::null())
    }

    /// Calls `present` with the chain of those structures that concern the swapchains at these places.
    /// It is valid during that call.
    pub fn with_subset<T>(&self, places: &[usize], present: impl FnOnce(*const c_void) -> T) -> T {
        fn pick<T: Copy>(from: &[T], places: &[usize]) -> Vec<T> {
            places
                .iter()
                .filter_map(|at| from.get(*at).copied())
                .collect()
        }
        let regions = pick(self.regions, places);
        let fences = pick(self.fences, places);
        let modes = pick(self.modes, places);
        let ids = pick(self.ids, places);
        let ids2 = pick(self.ids2, places);
        let masks = pick(self.device_masks, places);
        let mut of_regions = vk::PresentRegionsKHR::default().regions(&regions);
        let mut of_fences = vk::SwapchainPresentFenceInfoEXT::default().fences(&fences);
        let mut of_modes = vk::SwapchainPresentModeInfoEXT::default().present_modes(&modes);
        let mut of_ids = vk::PresentIdKHR::default().present_ids(&ids);
        let mut of_ids2 = PresentId2KHR::new(&ids2);
        let mut of_groups = vk::DeviceGroupPresentInfoKHR::default()
            .device_masks(&masks)
            .mode(self.device_group_mode);
        let mut chain: *const c_void = std::ptr::null();
        if !regions.is_empty() {
            of_regions.p_next = chain;
            chain = (&raw const of_regions).cast();
        }
        if !fences.is_empty() {
            of_fences.p_next = chain;
            chain = (&raw const of_fences).cast();
        }
        if !modes.is_empty() {
            of_modes.p_next = chain;
            chain = (&raw const of_modes).cast();
        }
        if !ids.is_empty() {
            of_ids.p_next = chain;
            chain = (&raw const of_ids).cast();
        }
        if !ids2.is_empty() {
            of_ids2.p_next = chain;
            chain = (&raw const of_ids2).cast();
        }
        if !masks.is_empty() {
            of_groups.p_next = chain;
            chain = (&raw const of_groups).cast();
        }
        present(chain)
    }
}
