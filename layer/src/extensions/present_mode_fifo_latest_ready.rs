//! `VK_KHR_present_mode_fifo_latest_ready`: surfaces have the mode where the compositor has `wp_fifo_v1`.

use crate::{
    catalogue::extension::{Extension, Features},
    vulkan::registry::{
        EXT_PRESENT_MODE_FIFO_LATEST_READY, KHR_PRESENT_MODE_FIFO_LATEST_READY,
        PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR,
    },
};

/// The extension.
pub static EXTENSION: Extension = Extension {
    needs: "the mode: `wp_fifo_v1`",
    features: Features::one(PHYSICAL_DEVICE_PRESENT_MODE_FIFO_LATEST_READY_FEATURES_KHR),
    ..Extension::device(&[
        (KHR_PRESENT_MODE_FIFO_LATEST_READY, 1),
        (EXT_PRESENT_MODE_FIFO_LATEST_READY, 1),
    ])
};
