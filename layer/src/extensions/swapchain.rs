//! `VK_KHR_swapchain`.

use ash::khr::{bind_memory2, external_semaphore_fd, swapchain::NAME};

use crate::{
    catalogue::{
        command::{Given, command},
        extension::{Extension, Provider},
    },
    entry::{aliases, semaphores, swapchains},
    frame::{acquire, present},
};

const GIVEN: Given = Given::Device(NAME);

/// The extension.
pub static EXTENSION: Extension = Extension {
    provider: Provider::Everybody,
    commands: &[
        command!(
            c"vkCreateSwapchainKHR",
            Device,
            GIVEN,
            swapchains::create_swapchain,
            PFN_vkCreateSwapchainKHR
        ),
        command!(
            c"vkDestroySwapchainKHR",
            Device,
            GIVEN,
            swapchains::destroy_swapchain,
            PFN_vkDestroySwapchainKHR
        ),
        command!(
            c"vkGetSwapchainImagesKHR",
            Device,
            GIVEN,
            swapchains::get_swapchain_images,
            PFN_vkGetSwapchainImagesKHR
        ),
        command!(
            c"vkAcquireNextImageKHR",
            Device,
            GIVEN,
            acquire::acquire_next_image,
            PFN_vkAcquireNextImageKHR
        ),
        command!(
            c"vkQueuePresentKHR",
            Device,
            GIVEN,
            present::queue_present,
            PFN_vkQueuePresentKHR
        ),
        // Images of swapchains.
        command!(
            c"vkCreateImage",
            Device,
            Given::Core(NAME),
            aliases::create_image,
            PFN_vkCreateImage
        ),
        command!(
            c"vkDestroyImage",
            Device,
            Given::Core(NAME),
            aliases::destroy_image,
            PFN_vkDestroyImage
        ),
        command!(
            c"vkBindImageMemory2",
            Device,
            Given::SwapchainWith(bind_memory2::NAME),
            aliases::bind_image_memory2,
            PFN_vkBindImageMemory2
        ),
        command!(
            c"vkBindImageMemory2KHR",
            Device,
            Given::SwapchainWith(bind_memory2::NAME),
            aliases::bind_image_memory2,
            PFN_vkBindImageMemory2
        ),
        // What presents wait for.
        command!(
            c"vkCreateSemaphore",
            Device,
            Given::Core(NAME),
            semaphores::create_semaphore,
            PFN_vkCreateSemaphore
        ),
        command!(
            c"vkDestroySemaphore",
            Device,
            Given::Core(NAME),
            semaphores::destroy_semaphore,
            PFN_vkDestroySemaphore
        ),
        command!(
            c"vkImportSemaphoreFdKHR",
            Device,
            Given::Device(external_semaphore_fd::NAME),
            semaphores::import_semaphore_fd,
            PFN_vkImportSemaphoreFdKHR
        ),
    ],
    ..Extension::device(&[(NAME, 70)])
};
