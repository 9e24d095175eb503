//! Manifests of layers and drivers, written for the loader to find.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The directory of this crate's manifests.
pub(crate) fn root() -> PathBuf {
    env::temp_dir().join("wayfence-tests")
}

/// A directory with this file in it, under the path `file` (relative, with directories if it has any).
///
/// # Panics
/// If the directory for temporary files is not writable.
pub(crate) fn write_manifest(file: &Path, text: &str) -> PathBuf {
    const WRITABLE: &str = "the directory for temporary files is writable";
    let mut hasher = DefaultHasher::new();
    (file, text).hash(&mut hasher);
    // The same for all tests of one build, so that there is only one.
    let directory = root().join(format!("{:016x}", hasher.finish()));
    let manifest = directory.join(file);
    if fs::read_to_string(&manifest).ok().as_deref() != Some(text) {
        fs::create_dir_all(manifest.parent().expect("it lies in the directory")).expect(WRITABLE);
        // Other processes may read it: it appears whole.
        let draft = directory.join(format!("draft-{}", std::process::id()));
        fs::write(&draft, text).expect(WRITABLE);
        fs::rename(&draft, &manifest).expect(WRITABLE);
    }
    directory
}
