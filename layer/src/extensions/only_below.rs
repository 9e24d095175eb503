//! Extensions that only a driver's own swapchains support. A device that enables one keeps the driver's.

use crate::catalogue::extension::{Extension, Provider};

/// The extensions.
pub static EXTENSION: Extension = Extension {
    provider: Provider::OnlyDriver,
    ..Extension::device(&[
        (c"VK_AMD_display_native_hdr", 1),
        (c"VK_NV_low_latency2", 2),
        (c"VK_NV_present_barrier", 1),
        (c"VK_NV_present_metering", 1),
    ])
};
