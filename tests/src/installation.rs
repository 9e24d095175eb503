//! The command, installed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::build::built;
use crate::layers;

/// The command in a folder of its own, with the layer installed beside it as a package does.
/// Removed on drop.
pub struct Installation {
    /// The folder.
    pub root: PathBuf,
}

impl Installation {
    /// With no layer.
    ///
    /// # Panics
    /// If the command was not built, or if the folder cannot be made.
    pub fn bare(name: &str) -> Self {
        let root = env::temp_dir().join(format!("wayfence-command-{name}-{}", std::process::id()));
        let built = built("wayfence");
        assert!(
            built.is_file(),
            "{}: no such file: `cargo build -p wayfence` builds the command",
            built.display()
        );
        fs::create_dir_all(root.join("bin")).expect("a folder for the installation");
        // A copy, not a link: the command resolves its own path. Copied by another process: children of other
        // tests could inherit this one's descriptor, open for writing (ETXTBSY).
        let copied = Command::new("cp")
            .args([&built, &root.join("bin/wayfence")])
            .status()
            .expect("cp");
        assert!(copied.success());
        Self { root }
    }

    /// With the layer.
    ///
    /// # Panics
    /// If the folder cannot be made; so for all that follows.
    pub fn new(name: &str) -> Self {
        let this = Self::bare(name);
        let folder = this.root.join("lib/wayfence");
        fs::create_dir_all(&folder).expect("a folder for the installation");
        fs::write(
            folder.join("VkLayer_wayfence.json"),
            manifest(&layers::library()),
        )
        .expect("a folder for the installation");
        this
    }

    /// The layer as an implicit one, in a folder that can be `XDG_DATA_HOME`.
    pub fn implicit(&self) -> PathBuf {
        let data = self.root.join("share");
        let folder = data.join("vulkan/implicit_layer.d");
        let library = self.root.join("libVkLayer_wayfence.so");
        fs::create_dir_all(&folder).expect("a folder for the installation");
        // A file of its own: it shows which one the loader takes.
        fs::copy(layers::library(), &library).expect("a folder for the installation");
        fs::write(folder.join("VkLayer_wayfence.json"), manifest(&library))
            .expect("a folder for the installation");
        data
    }

    /// The command, in an environment that asks for no layers.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.root.join("bin/wayfence"));
        command.args(arguments);
        for name in [
            "DISABLE_WAYFENCE",
            "ENABLE_WAYFENCE",
            "VK_INSTANCE_LAYERS",
            "VK_LAYER_PATH",
            "VK_ADD_LAYER_PATH",
            "VK_IMPLICIT_LAYER_PATH",
            "VK_ADD_IMPLICIT_LAYER_PATH",
            "WAYFENCE_LATENCY",
            "WAYFENCE_LOG",
            "WAYFENCE_REPORT",
            "WAYFENCE_SYNC",
            "MANGOHUD",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// What the command says, with these arguments.
    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("a process can be started")
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn manifest(library: &Path) -> String {
    include_str!("../../manifest/VkLayer_wayfence.json")
        .replace("@LIBRARY_PATH@", &library.display().to_string())
}
