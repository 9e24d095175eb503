//! Which layers stand between a test and the driver.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, memfd_create};
use wayfence::report::{self, SwapchainReport};

/// The layer under test.
pub const WAYFENCE: &str = "VK_LAYER_WAYFENCE_wsi";
/// The validation layer.
pub const VALIDATION: &str = "VK_LAYER_KHRONOS_validation";

/// Where the layer writes its reports unless told otherwise: memory of this process.
static REPORTS: OnceLock<OwnedFd> = OnceLock::new();

/// Tells the loader of this process which layers to use, once, before it is opened.
///
/// Everything in this crate that opens the loader goes through here first.
pub fn set_up() {
    REPORTS.get_or_init(|| {
        let reports = memfd_create("reports", MemfdFlags::CLOEXEC).expect("memfd_create");
        let mut variables = environment(&chosen());
        if env::var_os("WAYFENCE_REPORT").is_none() {
            variables.push(("WAYFENCE_REPORT".to_owned(), path_of(&reports)));
        }
        for (name, value) in variables {
            // SAFETY: other threads must not read the environment past std's lock meanwhile. Only
            // C libraries do that, the first of which is the Vulkan loader or libwayland: both are
            // opened by this crate after `set_up`, which lets nobody pass before it is done.
            unsafe { env::set_var(name, value) };
        }
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

/// What the layer reported of the last swapchain of this size that this process has destroyed. A
/// test that asks has a size of its own, as others may run beside it.
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
    chosen().iter().any(|name| name == WAYFENCE)
}

/// The variables with which a process runs on these layers, from the application down.
pub fn environment(layers: &[impl AsRef<str>]) -> Vec<(String, String)> {
    let names: Vec<&str> = layers.iter().map(AsRef::as_ref).collect();
    // What the user has set, without what an earlier call added.
    let mut directories: Vec<PathBuf> = env::var_os("VK_ADD_LAYER_PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    directories.retain(|directory| !directory.starts_with(own_directories()));
    let with_wayfence = names.contains(&WAYFENCE);
    if with_wayfence {
        directories.insert(0, manifest_directory(&library()));
    }
    let path = env::join_paths(directories)
        .expect("no directory has a colon")
        .to_string_lossy()
        .into_owned();
    let mut variables = vec![
        ("WAYFENCE_TEST_LAYERS".to_owned(), names.join(":")),
        ("VK_INSTANCE_LAYERS".to_owned(), names.join(":")),
        ("VK_ADD_LAYER_PATH".to_owned(), path),
    ];
    if !with_wayfence {
        // Where the layer is installed on the machine it would come uncalled.
        variables.push(("DISABLE_WAYFENCE".to_owned(), "1".to_owned()));
    }
    variables
}

/// The library under test.
///
/// # Panics
/// If it was not built.
pub fn library() -> PathBuf {
    let library = env::var_os("WAYFENCE_LAYER_LIBRARY").map_or_else(
        || {
            // target/PROFILE/deps/TEST, or target/PROFILE/wayfence-probe.
            let program = env::current_exe().expect("/proc/self/exe");
            let mut directory = program.parent().expect("a program lies in a directory");
            if directory.ends_with("deps") {
                directory = directory
                    .parent()
                    .expect("cargo's deps lie in a profile's directory");
            }
            directory.join("libVkLayer_wayfence.so")
        },
        PathBuf::from,
    );
    assert!(
        library.is_file(),
        "{}: no such file: `cargo build -p wayfence-layer` builds the layer, \
         WAYFENCE_LAYER_LIBRARY names another",
        library.display()
    );
    library.canonicalize().expect("it exists")
}

/// Where this crate leaves manifests.
fn own_directories() -> PathBuf {
    env::temp_dir().join("wayfence-tests")
}

/// A directory with the project's manifest, made to name this library.
fn manifest_directory(library: &Path) -> PathBuf {
    const TEMPLATE: &str = include_str!("../../manifest/VkLayer_wayfence.json");
    let text = TEMPLATE.replace("@LIBRARY_PATH@", &library.display().to_string());
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // The same for all tests of one build, so that they do not litter.
    let directory = own_directories().join(format!("{:016x}", hasher.finish()));
    fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
    let manifest = directory.join("VkLayer_wayfence.json");
    if fs::read_to_string(&manifest).ok().as_ref() != Some(&text) {
        // Other processes may read it: it is there as a whole or not at all.
        let draft = directory.join(format!("draft-{}", std::process::id()));
        fs::write(&draft, text).expect("the directory for temporary files is writable");
        fs::rename(&draft, &manifest).expect("the directory for temporary files is writable");
    }
    directory
}
