//! What the memory of a swapchain image must be to its driver, so that it is what the memory of the
//! driver's own swapchains is.
//!
//! Most drivers treat all exported memory the same. Two of Mesa's treat that of a swapchain differently, and
//! what they do with other memory breaks synchronisation. They recognise it by a structure of Mesa's own in the
//! chain of `VkMemoryAllocateInfo`, which its window-system code passes (`wsi_memory_allocate_info` in
//! `src/vulkan/wsi/wsi_common.h`, the same in 24.0 and in the middle of 2026, which were read); gamescope and
//! Zink pass it from outside, too.
//!
//! | driver | way | structure | because |
//! | --- | --- | --- | --- |
//! | RADV | syncobj, explicit | no | nobody looks at the fences of the dma-buf. Swapchain memory is resident only while Mesa's own window-system code says that the application has the image (`radv_wsi_set_memory_ownership`), which a layer cannot say |
//! | RADV | implicit, cpu; images that are no descriptors | yes | else the memory is `AMDGPU_GEM_CREATE_EXPLICIT_SYNC`: compositors on the same device that leave waiting to the kernel do not wait (`radv_amdgpu_bo.c`; `amdgpu_sync_test_fence` in the kernel). And else every submission lists the memory, and leaves its fence on it, also while the compositor has the image (`radv_device_memory.c`: `if (!wsi_info) … buffer_make_resident`). Attachments and what is copied from and to is listed by the command buffers that use it |
//! | RADV | implicit, cpu; images in descriptors | no | command buffers do not list what descriptors name: with the structure the GPU would find no memory. So [`synchronisation`] lets the CPU wait there |
//! | ANV | all | yes | else dedicated memory waits for and leaves fences in every submission of the device on i915 (`anv_device.c`: `if (!wsi_info && dedicated_info …) ANV_BO_ALLOC_IMPLICIT_SYNC`; `i915/anv_batch_chain.c` lists all memory), and cannot be scanned out on xe (`if (wsi_info) ANV_BO_ALLOC_SCANOUT`) |
//! | Turnip | all | no | every submission lists all memory in any case. It has `MSM_SUBMIT_NO_IMPLICIT` while no memory of the device has the structure with `implicit_sync` (`tu_knl_drm_msm.cc`); with it each submission would wait for the readers of all images |
//! | NVK | all | no | it takes no notice. nouveau leaves the fence of every submission on all memory that is mapped (`nouveau_exec.c`) |
//! | Honeykrisp | all | no | it takes no notice; asahi knows no implicit synchronisation |
//! | AMDVLK, AMD's proprietary driver | implicit, cpu | no | neither knows the structure, and memory that others know is `AMDGPU_GEM_CREATE_EXPLICIT_SYNC` (`amdgpuGpuMemory.cpp` in PAL: "Use explicit sync for multi process memory and assume external synchronization"), so that [`synchronisation`] lets the CPU wait |
//! | others | all | no | nothing is known that asks for it |

use std::{ffi::c_void, sync::Once};

use ash::vk;
use wayfence::{
    synchronisation::{Choice, Way},
    wayland::Surface,
};

/// How the driver treats memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// As shared memory.
    #[default]
    Shared,
    /// As memory of a swapchain.
    Swapchain {
        /// Whether the compositor learns of renderings by the fences on the dma-buf.
        implicit_sync: bool,
    },
}

impl Role {
    /// The role of images that are synchronised in this way and used for this.
    pub fn new(driver: vk::DriverId, way: Way, usage: vk::ImageUsageFlags) -> Self {
        let implicit_sync = is_implicit(way);
        match driver {
            vk::DriverId::MESA_RADV if implicit_sync && !is_descriptor(usage) => {
                Role::Swapchain { implicit_sync }
            }
            vk::DriverId::INTEL_OPEN_SOURCE_MESA => Role::Swapchain { implicit_sync },
            _ => Role::Shared,
        }
    }

    /// The structure to chain, if the driver is to be told.
    pub fn structure(self) -> Option<WsiMemoryAllocateInfo> {
        match self {
            Role::Shared => None,
            Role::Swapchain { implicit_sync } => Some(WsiMemoryAllocateInfo {
                s_type: vk::StructureType::from_raw(1_000_001_003),
                p_next: std::ptr::null(),
                implicit_sync,
            }),
        }
    }
}

/// The way of swapchains with this usage, from the way chosen for all: where fences on their memory are
/// ignored, the CPU waits.
pub fn synchronisation(
    driver: vk::DriverId,
    usage: vk::ImageUsageFlags,
    choice: Choice,
    surface: &Surface,
) -> Choice {
    let display = surface.display();
    let why = match display.ignores_fences() {
        true => {
            Some("the compositor's device is NVIDIA's, whose driver ignores fences on dma-bufs")
        }
        false => ignored(driver, usage, display.main_driver()),
    };
    static TOLD: Once = Once::new();
    match (choice, choice.way(surface), why) {
        (Choice::Auto, Way::Implicit | Way::Cpu, Some(why)) => {
            TOLD.call_once(|| tracing::warn!(?usage, why, "the CPU waits for renderings"));
            Choice::Forced(Way::Cpu)
        }
        // Compositors that take the fences out of the dma-buf themselves, as Mutter and KWin do, still wait, so
        // that it may be wanted; and this name stands for nothing else.
        (Choice::Forced(Way::Implicit), _, Some(why)) => {
            TOLD.call_once(|| {
                let consequence =
                    "a compositor that leaves waiting to the kernel shows unfinished images";
                tracing::warn!(?usage, why, consequence, "WAYFENCE_SYNC=implicit");
            });
            choice
        }
        _ => choice,
    }
}

/// Why the compositor's kernel driver ignores fences on the memory of such images, if it does. An unknown one
/// may be amdgpu.
fn ignored(
    driver: vk::DriverId,
    usage: vk::ImageUsageFlags,
    compositors: Option<&str>,
) -> Option<&'static str> {
    if compositors.is_some_and(|name| name != "amdgpu") {
        return None;
    }
    match driver {
        vk::DriverId::MESA_RADV if is_descriptor(usage) => {
            Some("amdgpu ignores fences on images that shaders read or write")
        }
        vk::DriverId::AMD_OPEN_SOURCE | vk::DriverId::AMD_PROPRIETARY => {
            Some("amdgpu ignores fences on memory that this driver shares")
        }
        _ => None,
    }
}

/// `struct wsi_memory_allocate_info`.
#[repr(C)]
pub struct WsiMemoryAllocateInfo {
    s_type: vk::StructureType,
    p_next: *const c_void,
    implicit_sync: bool,
}

/// A structure of Mesa's, for drivers that are Mesa's.
// SAFETY: it begins as every structure of a chain does, and the drivers for which it is made know its type.
unsafe impl vk::ExtendsMemoryAllocateInfo for WsiMemoryAllocateInfo {}

/// Whether the fences on the dma-buf count in this way.
fn is_implicit(way: Way) -> bool {
    match way {
        Way::Syncobj | Way::Explicit => false,
        Way::Implicit | Way::Cpu => true,
    }
}

/// Whether such images are in descriptors.
fn is_descriptor(usage: vk::ImageUsageFlags) -> bool {
    usage.intersects(
        vk::ImageUsageFlags::SAMPLED
            | vk::ImageUsageFlags::STORAGE
            | vk::ImageUsageFlags::INPUT_ATTACHMENT,
    )
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn the_structure_is_mesas() {
        // As the C compiler lays it out, in words of the machine.
        let word = size_of::<usize>();
        assert_eq!(size_of::<WsiMemoryAllocateInfo>(), 3 * word);
        assert_eq!(offset_of!(WsiMemoryAllocateInfo, p_next), word);
        assert_eq!(offset_of!(WsiMemoryAllocateInfo, implicit_sync), 2 * word);
    }

    #[test]
    fn radv_is_told_where_fences_on_dma_bufs_count_and_command_buffers_list_the_images() {
        let attachment = vk::ImageUsageFlags::COLOR_ATTACHMENT | vk::ImageUsageFlags::TRANSFER_DST;
        let of = |way, usage| Role::new(vk::DriverId::MESA_RADV, way, usage);
        let told = Role::Swapchain {
            implicit_sync: true,
        };
        assert_eq!(of(Way::Implicit, attachment), told);
        assert_eq!(of(Way::Cpu, attachment), told);
        assert_eq!(of(Way::Syncobj, attachment), Role::Shared);
        assert_eq!(of(Way::Explicit, attachment), Role::Shared);
        for usage in [
            vk::ImageUsageFlags::SAMPLED,
            vk::ImageUsageFlags::STORAGE,
            vk::ImageUsageFlags::INPUT_ATTACHMENT,
        ] {
            assert_eq!(of(Way::Implicit, attachment | usage), Role::Shared);
        }
    }

    /// The flag on the memory is amdgpu's own: other kernel drivers know nothing of it.
    #[test]
    fn the_cpu_waits_where_amdgpu_ignores_fences() {
        let attachment = vk::ImageUsageFlags::COLOR_ATTACHMENT;
        let sampled = attachment | vk::ImageUsageFlags::SAMPLED;
        for (driver, usage, ignores) in [
            (vk::DriverId::MESA_RADV, attachment, false),
            (vk::DriverId::MESA_RADV, sampled, true),
            (vk::DriverId::AMD_OPEN_SOURCE, attachment, true),
            (vk::DriverId::AMD_PROPRIETARY, attachment, true),
            (vk::DriverId::INTEL_OPEN_SOURCE_MESA, sampled, false),
        ] {
            for compositors in [None, Some("amdgpu")] {
                let why = ignored(driver, usage, compositors);
                assert_eq!(why.is_some(), ignores, "{driver:?} {usage:?}");
            }
            assert_eq!(ignored(driver, usage, Some("i915")), None);
        }
    }

    #[test]
    fn anv_is_always_told_and_others_never() {
        let usage = vk::ImageUsageFlags::COLOR_ATTACHMENT;
        for way in Way::BEST_FIRST {
            let of = |driver| Role::new(driver, way, usage);
            assert_eq!(
                of(vk::DriverId::INTEL_OPEN_SOURCE_MESA),
                Role::Swapchain {
                    implicit_sync: matches!(way, Way::Implicit | Way::Cpu)
                }
            );
            for driver in [
                vk::DriverId::MESA_TURNIP,
                vk::DriverId::MESA_NVK,
                vk::DriverId::MESA_LLVMPIPE,
                vk::DriverId::NVIDIA_PROPRIETARY,
            ] {
                assert_eq!(of(driver), Role::Shared);
            }
        }
    }
}
