//! Which layers stand between a test and the driver.

use std::env;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, memfd_create};
use wayfence::report::{self, SwapchainReport};

use crate::build::built;
use crate::environment;
use crate::manifests::{self, write_manifest};

/// The layer under test.
pub const WAYFENCE: &str = "VK_LAYER_WAYFENCE_wsi";
/// The layer under test as `scripts/install` leaves it: an implicit layer, above all layers that are enabled by
/// name.
pub const INSTALLED: &str = "installed";
/// The validation layer.
pub const VALIDATION: &str = "VK_LAYER_KHRONOS_validation";

/// The file to which the layer writes its reports by default: memory of this process.
static REPORTS: OnceLock<OwnedFd> = OnceLock::new();

/// Sets the layers that the loader of this process uses, once, before it is opened.
///
/// Everything in this crate that opens the loader goes through here first.
pub fn set_up() {
    REPORTS.get_or_init(|| {
        let reports = memfd_create("reports", MemfdFlags::CLOEXEC).expect("memfd_create");
        let mut variables = environment(&chosen());
        if env::var_os("WAYFENCE_REPORT").is_none() {
            variables.push(("WAYFENCE_REPORT".to_owned(), path_of(&reports)));
        }
        environment::set(variables);
        reports
    });
}

/// Forces the way of synchronisation for this process, as `WAYFENCE_SYNC` does.
///
/// # Panics
/// If the loader is open already.
pub fn force_way(way: &str) {
    assert!(REPORTS.get().is_none(), "too late to force a way");
    // SAFETY: as in `set_up`, which nobody has called yet.
    unsafe { env::set_var("WAYFENCE_SYNC", way) };
}

/// Puts these layers between this process and the driver, from the application down, whatever the user has chosen.
///
/// # Panics
/// If the loader is open already.
pub fn choose(layers: &[&str]) {
    assert!(REPORTS.get().is_none(), "too late to choose layers");
    // SAFETY: as in `set_up`, which nobody has called yet.
    unsafe { env::set_var("WAYFENCE_TEST_LAYERS", layers.join(":")) };
}

/// Makes the layer write the trace of this process to that file, as `WAYFENCE_TRACE` does.
///
/// # Panics
/// If the loader is open already.
pub fn trace_to(path: &Path) {
    assert!(REPORTS.get().is_none(), "too late to trace");
    // SAFETY: as in `set_up`, which nobody has called yet.
    unsafe { env::set_var("WAYFENCE_TRACE", path) };
}

/// The layer's report on the last swapchain of this size that this process has destroyed. Tests that use it
/// have sizes of their own, since others may run beside them.
///
/// # Panics
/// If there is none.
pub fn report_of(extent: (u32, u32)) -> SwapchainReport {
    let reports = REPORTS.get().map_or_else(Vec::new, |reports| {
        report::read(path_of(reports)).unwrap_or_else(|error| panic!("{error}"))
    });
    reports
        .into_iter()
        .rfind(|report| report.extent == [extent.0, extent.1])
        .expect("the layer reports on a swapchain that it owned")
}

fn path_of(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// The layers that `WAYFENCE_TEST_LAYERS` chooses, from the application down.
pub fn chosen() -> Vec<String> {
    match env::var("WAYFENCE_TEST_LAYERS") {
        Ok(list) => list
            .split(':')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        Err(_) => vec![WAYFENCE.to_owned()],
    }
}

/// Whether this process runs on the layer under test.
pub fn wayfence_is_on() -> bool {
    chosen()
        .iter()
        .any(|name| name == WAYFENCE || name == INSTALLED)
}

/// The variables with which a process runs on these layers, from the application down.
pub fn environment(layers: &[impl AsRef<str>]) -> Vec<(String, String)> {
    let mut names: Vec<&str> = layers.iter().map(AsRef::as_ref).collect();
    let chosen = names.join(":");
    let installed = names.contains(&INSTALLED);
    names.retain(|name| *name != INSTALLED);
    // The user's value, without what an earlier call added.
    let directories = |variable: &str, default: &str| -> Vec<PathBuf> {
        let path = env::var_os(variable).filter(|path| !path.is_empty());
        env::split_paths(&path.unwrap_or_else(|| default.into()))
            .filter(|directory| !directory.as_os_str().is_empty())
            .filter(|directory| !directory.starts_with(manifests::root()))
            .collect()
    };
    let mut explicit = directories("VK_ADD_LAYER_PATH", "");
    // "If $XDG_DATA_DIRS is either not set or empty, a value equal to /usr/local/share/:/usr/share/
    // should be used" (XDG Base Directory Specification).
    let mut data = directories("XDG_DATA_DIRS", "/usr/local/share:/usr/share");
    let named = names.contains(&WAYFENCE);
    if named {
        explicit.insert(0, manifest_directory(""));
    }
    if installed {
        data.insert(0, manifest_directory("vulkan/implicit_layer.d"));
    }
    let path = |directories| {
        env::join_paths::<Vec<PathBuf>, _>(directories)
            .expect("no directory has a colon")
            .to_string_lossy()
            .into_owned()
    };
    let mut variables = vec![
        ("WAYFENCE_TEST_LAYERS".to_owned(), chosen),
        ("VK_INSTANCE_LAYERS".to_owned(), names.join(":")),
        ("VK_ADD_LAYER_PATH".to_owned(), path(explicit)),
        ("XDG_DATA_DIRS".to_owned(), path(data)),
    ];
    if !named && !installed {
        // A layer that is installed on this machine would be loaded, too.
        variables.push(("DISABLE_WAYFENCE".to_owned(), "1".to_owned()));
    }
    variables
}

/// The library under test.
///
/// # Panics
/// If it was not built.
pub fn library() -> PathBuf {
    let library = env::var_os("WAYFENCE_LAYER_LIBRARY")
        .map_or_else(|| built("libVkLayer_wayfence.so"), PathBuf::from);
    assert!(
        library.is_file(),
        "{}: no such file: `cargo build -p wayfence-layer` builds the layer, \
         WAYFENCE_LAYER_LIBRARY names another",
        library.display()
    );
    library.canonicalize().expect("it exists")
}

/// A directory that has the project's manifest in this folder, changed to name the library under test.
fn manifest_directory(folder: &str) -> PathBuf {
    const TEMPLATE: &str = include_str!("../../manifest/VkLayer_wayfence.json");
    let text = TEMPLATE.replace("@LIBRARY_PATH@", &library().display().to_string());
    write_manifest(&Path::new(folder).join("VkLayer_wayfence.json"), &text)
}
