//! The environment of this process, which decides what the Vulkan loader finds.

use std::env;

use libloading::os::unix::{Library, RTLD_LAZY};

/// Sets variables, before the loader is opened: everything that sets variables for the loader does it here.
///
/// # Panics
/// If the loader is open: it has read them.
pub(crate) fn set(variables: impl IntoIterator<Item = (String, String)>) {
    assert!(
        !loader_is_open(),
        "the Vulkan loader is open: it has found its layers and drivers"
    );
    for (name, value) in variables {
        // SAFETY: other threads must not read the environment past std's lock meanwhile. Only C
        // libraries do that, the first of which is the Vulkan loader or libwayland. This crate opens
        // both after `layers::set_up`, which lets nobody pass before it is done, and which is after all
        // else that sets variables, as the loader was just seen not to be open.
        unsafe { env::set_var(name, value) };
    }
}

fn loader_is_open() -> bool {
    /// Of `dlopen(3)`: succeed only if the library is open already.
    const RTLD_NOLOAD: i32 = 4;
    // SAFETY: nothing is loaded, so nothing runs.
    unsafe { Library::open(Some("libvulkan.so.1"), RTLD_LAZY | RTLD_NOLOAD) }.is_ok()
}
