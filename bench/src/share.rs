//! Whose an allocation or a system call is: by the loaded files on its stack.
//!
//! From the inside outwards, the first of layer and driver on the stack is the one that did it. What a driver
//! does when the layer calls it (a submit, an import) is the driver's. The C library does not count. What
//! another library in between does, libwayland for instance, is its caller's, and is counted apart from what
//! layer or driver do themselves.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The layer's file.
pub const LAYER: &str = "libVkLayer_wayfence.so";
/// The library that plays the kernel for a driver without hardware.
pub const DEVICE: &str = "libwayfence_test_device.so";
/// The meter's file.
pub const METER: &str = "libVkLayer_wayfence_meter.so";

/// Who did something in a measured call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// The layer's own code, or the C library called by it.
    Layer,
    /// Another library that the layer called.
    LayersLibraries,
    /// The driver's own code, or the C library called by it.
    Driver,
    /// Another library that the driver called.
    DriversLibraries,
    /// None of these: the Vulkan loader, for instance, or the library that plays the kernel.
    Others,
}

impl Share {
    /// Whose it is, by the files on the stack from the inside outwards. `driver` is the driver's file.
    pub fn of<'a>(stack: impl IntoIterator<Item = &'a str>, driver: &str) -> Self {
        let driver = file_name(driver);
        let mut library = false;
        // The meter's own allocator is the innermost; its wrapper around the call the outermost.
        let stack = stack.into_iter().map(file_name);
        for module in stack.skip_while(|module| *module == METER) {
            match module {
                METER | DEVICE => break,
                LAYER if library => return Share::LayersLibraries,
                LAYER => return Share::Layer,
                _ if module == driver && library => return Share::DriversLibraries,
                _ if module == driver => return Share::Driver,
                _ => library |= !is_c_library(module),
            }
        }
        Share::Others
    }

    /// Whether it belongs to the implementation of swapchains: to the layer where it is on, or else to the
    /// driver.
    pub fn is_wsi(self, layer_is_on: bool) -> bool {
        match self {
            Share::Layer | Share::LayersLibraries => true,
            Share::Driver | Share::DriversLibraries => !layer_is_on,
            Share::Others => false,
        }
    }

    /// Whether another library did it.
    pub fn is_of_libraries(self) -> bool {
        matches!(self, Share::LayersLibraries | Share::DriversLibraries)
    }
}

fn file_name(path: &str) -> &str {
    Path::new(path)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(path)
}

fn is_c_library(module: &str) -> bool {
    // A stack's innermost place may lie in no file: the kernel's page of fast calls.
    ["", "[vdso]", "linux-vdso.so.1"].contains(&module)
        || ["libc.so", "libc-", "ld-linux", "ld-musl", "libpthread"]
            .iter()
            .any(|begin| module.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIVER: &str = "/usr/lib/libvulkan_lvp.so";

    fn of(stack: &[&str]) -> Share {
        Share::of(stack.iter().copied(), DRIVER)
    }

    #[test]
    fn the_innermost_of_layer_and_driver_did_it() {
        let layer = "/target/release/libVkLayer_wayfence.so";
        assert_eq!(of(&["/lib/libc.so.6", layer, METER, "app"]), Share::Layer);
        assert_eq!(
            of(&["/lib/libc.so.6", DRIVER, layer, METER, "app"]),
            Share::Driver
        );
    }

    #[test]
    fn a_library_works_for_who_called_it() {
        let wayland = "/usr/lib/libwayland-client.so.0.23.1";
        assert_eq!(
            of(&["/lib/libc.so.6", wayland, LAYER, METER]),
            Share::LayersLibraries
        );
        assert_eq!(
            of(&[wayland, "libffi.so.8", DRIVER, METER]),
            Share::DriversLibraries
        );
        // A callback into the layer is the layer's own.
        assert_eq!(of(&["libc.so.6", LAYER, wayland, LAYER]), Share::Layer);
    }

    #[test]
    fn the_meter_is_not_counted() {
        assert_eq!(of(&[METER, METER, LAYER, METER]), Share::Layer);
        assert_eq!(of(&["libvulkan.so.1", METER, LAYER]), Share::Others);
        assert_eq!(of(&[]), Share::Others);
    }

    #[test]
    fn a_played_kernel_is_counted_for_nobody() {
        assert_eq!(
            of(&["/lib/libc.so.6", DEVICE, "libdrm.so.2", DRIVER]),
            Share::Others
        );
        // The shim is a library that the driver calls.
        assert_eq!(
            of(&["libc.so.6", "libamdgpu_noop_drm_shim.so", DRIVER]),
            Share::DriversLibraries
        );
    }

    #[test]
    fn without_the_layer_the_driver_is_the_implementation() {
        assert!(Share::Driver.is_wsi(false));
        assert!(!Share::Driver.is_wsi(true));
        assert!(Share::LayersLibraries.is_wsi(true));
    }
}
