//! Swapchain properties that are not offered, or have no meaning here, and do no harm: they are accepted.

use std::sync::Arc;

use ash::vk;
use wayfence_test_compositor::{Compositor, Offer, With};
use wayfence_tests::{Application, Swapchain, Wanted};

/// Shows a frame of a swapchain with this change to its create info; answers the DRM format of its buffer.
fn shown(change: impl FnOnce(&mut vk::SwapchainCreateInfoKHR<'_>)) -> [u8; 4] {
    let compositor = Arc::new(Compositor::new(Offer::default()));
    let app = Application::at(compositor.connect());
    let mut swapchain = Swapchain::changed(&app.device, &app.surface, Wanted::default(), change)
        .unwrap_or_else(|error| panic!("{error}"));
    swapchain.frame().unwrap();
    let commit = compositor.next_commit();
    let fourcc = commit.buffer().image().expect("a dma-buf").fourcc;
    compositor.release(&commit, With::nothing());
    compositor.frame_done(commit.surface);
    drop(swapchain);
    drop(app);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
    fourcc.to_le_bytes()
}

/// Only the format of its buffers says how a surface is composed, so there is nothing to inherit.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn inherited_alpha_is_opaque() {
    let opaque = shown(|info| info.composite_alpha = vk::CompositeAlphaFlagsKHR::OPAQUE);
    let inherited = shown(|info| info.composite_alpha = vk::CompositeAlphaFlagsKHR::INHERIT);
    assert_eq!(opaque[0], b'X');
    assert_eq!(inherited, opaque);
}

/// "pQueueFamilyIndices is a pointer to an array of queue family indices … when imageSharingMode is
/// VK_SHARING_MODE_CONCURRENT": else it may point anywhere.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn queue_families_of_exclusive_images_are_not_looked_at() {
    shown(|info| {
        info.image_sharing_mode = vk::SharingMode::EXCLUSIVE;
        info.queue_family_index_count = 3;
        info.p_queue_family_indices = std::ptr::dangling();
    });
}

/// A group of one device has nothing to split.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn split_instance_bind_regions_are_whole() {
    shown(|info| info.flags |= vk::SwapchainCreateFlagsKHR::SPLIT_INSTANCE_BIND_REGIONS);
}

/// Without a list of formats, the views have the format of the image.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_mutable_format_needs_no_list() {
    shown(|info| info.flags |= vk::SwapchainCreateFlagsKHR::MUTABLE_FORMAT);
}
