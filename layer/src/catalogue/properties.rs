//! The properties of extensions, and of the layer itself, as an enumeration gives them.

use std::ffi::{CStr, c_char};

use ash::vk;

/// The layer's name.
pub const LAYER_NAME: &CStr = c"VK_LAYER_WAYFENCE_wsi";

/// The properties of the extension with this name.
pub fn properties(name: &CStr, revision: u32) -> vk::ExtensionProperties {
    let mut properties = vk::ExtensionProperties {
        spec_version: revision,
        ..Default::default()
    };
    write(name, &mut properties.extension_name);
    properties
}

/// The properties of the layer, as an enumeration gives them.
pub fn layer_properties() -> vk::LayerProperties {
    let mut properties = vk::LayerProperties {
        spec_version: vk::HEADER_VERSION_COMPLETE,
        implementation_version: 1,
        ..Default::default()
    };
    write(LAYER_NAME, &mut properties.layer_name);
    write(
        c"Exact synchronisation of Wayland swapchains",
        &mut properties.description,
    );
    properties
}

fn write(text: &CStr, to: &mut [c_char]) {
    for (to, from) in to.iter_mut().zip(text.to_bytes()) {
        *to = *from as c_char;
    }
}
