//! What was found worth keeping.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use wayfence_tests::watchdog::Watchdog;

use crate::{TARGETS, Target};

/// As long as any story may take: paced frames of which nothing is heard take a second each.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The target of this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    *found.unwrap_or_else(|| panic!("no target {name}"))
}

/// What was kept for the target: names and bytes.
///
/// # Panics
/// If it cannot be read.
pub fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(name);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a readable file");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Plays all of it.
///
/// # Panics
/// As the target does, when it has said at which file.
pub fn all(name: &str, play: impl Fn(&[u8])) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "nothing is kept for {name}");
    for (path, bytes) in corpus {
        let at = At(path);
        let _watchdog = Watchdog::new(PATIENCE, "a story of the corpus");
        play(&bytes);
        drop(at);
    }
}

/// The file that is played.
struct At(PathBuf);

impl Drop for At {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at {}", self.0.display());
        }
    }
}
