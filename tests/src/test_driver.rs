//! The driver of `tests/driver`: the real one, changed in what a test needs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::build::built;
use crate::manifests::write_manifest;

/// What a driver without window-system integration does not have.
pub const WINDOW_SYSTEM: &[&str] = &[
    // Of instances.
    "VK_EXT_acquire_drm_display",
    "VK_EXT_acquire_xlib_display",
    "VK_EXT_direct_mode_display",
    "VK_EXT_display_surface_counter",
    "VK_EXT_headless_surface",
    "VK_EXT_surface_maintenance1",
    "VK_EXT_swapchain_colorspace",
    "VK_GOOGLE_surfaceless_query",
    "VK_KHR_display",
    "VK_KHR_get_display_properties2",
    "VK_KHR_get_surface_capabilities2",
    "VK_KHR_surface",
    "VK_KHR_surface_maintenance1",
    "VK_KHR_surface_protected_capabilities",
    "VK_KHR_wayland_surface",
    "VK_KHR_xcb_surface",
    "VK_KHR_xlib_surface",
    // Of devices.
    "VK_EXT_display_control",
    "VK_EXT_hdr_metadata",
    "VK_EXT_present_mode_fifo_latest_ready",
    "VK_EXT_present_timing",
    "VK_EXT_swapchain_maintenance1",
    "VK_KHR_display_swapchain",
    "VK_KHR_incremental_present",
    "VK_KHR_present_id",
    "VK_KHR_present_id2",
    "VK_KHR_present_mode_fifo_latest_ready",
    "VK_KHR_present_wait",
    "VK_KHR_present_wait2",
    "VK_KHR_shared_presentable_image",
    "VK_KHR_swapchain",
    "VK_KHR_swapchain_maintenance1",
    "VK_KHR_swapchain_mutable_format",
];

/// The library of the test driver.
///
/// # Panics
/// If it was not built.
pub fn library() -> PathBuf {
    let library = built("libwayfence_test_driver.so");
    assert!(
        library.is_file(),
        "{}: no such file: `cargo build -p wayfence-test-driver` builds the driver",
        library.display()
    );
    library.canonicalize().expect("it exists")
}

/// The variables with which a process runs on the test driver, the real one below it without these
/// extensions.
///
/// # Panics
/// If there is no real driver, or more than one.
pub fn environment(hidden: &[&str]) -> Vec<(String, String)> {
    // A process on the test driver may start others, or call this again: the real driver stays the same.
    let manifest =
        env::var_os("WAYFENCE_TEST_DRIVER_MANIFEST").map_or_else(installed_manifest, PathBuf::from);
    let text = fs::read_to_string(&manifest)
        .unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    let mut content: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    let real = library_of(&manifest, &content);
    content["ICD"]["library_path"] = library().to_string_lossy().into();
    let file = Path::new("wayfence_test_driver.json");
    let own = write_manifest(file, &content.to_string()).join(file);
    let own = own.to_string_lossy().into_owned();
    vec![
        ("VK_DRIVER_FILES".to_owned(), own.clone()),
        // The name in older loaders.
        ("VK_ICD_FILENAMES".to_owned(), own),
        ("WAYFENCE_TEST_DRIVER".to_owned(), real),
        (
            "WAYFENCE_TEST_DRIVER_MANIFEST".to_owned(),
            manifest.to_string_lossy().into_owned(),
        ),
        ("WAYFENCE_TEST_HIDE".to_owned(), hidden.join(",")),
    ]
}

/// The manifest of the one driver that the loader would use.
fn installed_manifest() -> PathBuf {
    let chosen = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
        .into_iter()
        .find_map(|name| env::var_os(name).filter(|list| !list.is_empty()));
    let mut manifests: Vec<PathBuf> = match &chosen {
        Some(list) => env::split_paths(list).collect(),
        None => SYSTEM
            .iter()
            .filter_map(|directory| fs::read_dir(directory).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .collect(),
    };
    manifests.sort();
    match manifests.as_slice() {
        [one] => one.clone(),
        [] => panic!("no Vulkan driver: none in {SYSTEM:?}, none in VK_DRIVER_FILES"),
        several => panic!("several Vulkan drivers, VK_DRIVER_FILES chooses one: {several:?}"),
    }
}

/// Where the loader looks for drivers that are installed for everybody.
const SYSTEM: [&str; 3] = [
    "/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
];

/// The library of a driver: "either a filename, a relative path, or a full path name to a driver
/// shared library file" (Vulkan-Loader, `LoaderDriverInterface.md`).
fn library_of(manifest: &Path, content: &Value) -> String {
    let path = content["ICD"]["library_path"]
        .as_str()
        .unwrap_or_else(|| panic!("{}: no library_path", manifest.display()));
    if path.contains('/') {
        let directory = manifest.parent().expect("a manifest lies in a directory");
        directory.join(path).to_string_lossy().into_owned()
    } else {
        path.to_owned()
    }
}
