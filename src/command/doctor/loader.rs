//! Where the layer is installed, and the chain of layers in which the loader puts it.
//!
//! The search path is that of the loader's documentation (LoaderLayerInterface.md, "Linux Layer
//! Discovery"); the chain is read from the loader's log (`VK_LOADER_DEBUG=layer`).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::command::layer;

/// A manifest that names the layer.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Whether the layer is implicit: the loader uses it unasked.
    pub implicit: bool,
    /// The library that it names.
    #[serde(serialize_with = "lossy")]
    pub library: PathBuf,
    /// Whether that file exists; the dynamic linker finds a bare name.
    pub library_exists: bool,
    /// The variable and value that enable an implicit layer.
    pub enabled_by: Option<(String, String)>,
    /// The variable that disables an implicit layer.
    pub disabled_by: Option<String>,
}

/// JSON is Unicode, and paths need not be.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// A layer in the chain of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its library, if the loader names it.
    pub library: String,
}

/// Layers that draw on the images of swapchains whose creation they see, by parts of their names.
const OVERLAYS: &[&str] = &[
    "MANGOHUD",
    "VKBASALT",
    "RENDERDOC",
    "VALVE_steam_overlay",
    "OBS_vkcapture",
    "MESA_overlay",
    "MESA_screenshot",
    "LUNARG_screenshot",
    "LUNARG_monitor",
    "reshade",
];

/// Other layers that take over swapchains or surfaces.
const WINDOW_SYSTEMS: &[&str] = &["gamescope_wsi", "window_system_integration"];

impl Link {
    /// Whether it is Wayfence's layer.
    pub fn is_ours(&self) -> bool {
        self.name == layer::NAME
    }

    /// Whether it draws on an application's frames.
    pub fn is_overlay(&self) -> bool {
        OVERLAYS.iter().any(|part| self.name.contains(part))
    }

    /// Whether it is another layer that takes over swapchains.
    pub fn is_window_system(&self) -> bool {
        WINDOW_SYSTEMS.iter().any(|part| self.name.contains(part))
    }
}

/// The manifests of the layer, in the loader's order: implicit layers, then explicit ones.
pub fn manifests() -> Vec<Manifest> {
    let mut found = Vec::new();
    for implicit in [true, false] {
        for folder in folders(implicit, |name| env::var_os(name)) {
            let mut files: Vec<_> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
                .collect();
            files.sort();
            for file in files {
                // `wayfence run` puts its folder on both search paths.
                let is_known = found.iter().any(|known: &Manifest| known.path == file);
                if let Some(manifest) = manifest(&file, implicit).filter(|_| !is_known) {
                    found.push(manifest);
                }
            }
        }
    }
    found
}

/// The folders in which the loader looks for manifests.
fn folders(implicit: bool, current: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let list = |name: &str| -> Option<Vec<PathBuf>> {
        let value = current(name).filter(|value| !value.is_empty())?;
        Some(env::split_paths(&value).collect())
    };
    let (only, added, kind) = if implicit {
        (
            "VK_IMPLICIT_LAYER_PATH",
            "VK_ADD_IMPLICIT_LAYER_PATH",
            "vulkan/implicit_layer.d",
        )
    } else {
        (
            "VK_LAYER_PATH",
            "VK_ADD_LAYER_PATH",
            "vulkan/explicit_layer.d",
        )
    };
    if let Some(folders) = list(only) {
        return folders;
    }
    let home = |name: &str, otherwise: &str| -> Vec<PathBuf> {
        let home = current("HOME").map(|home| Path::new(&home).join(otherwise));
        list(name).unwrap_or_else(|| home.into_iter().collect())
    };
    let or = |name: &str, otherwise: &[&str]| {
        list(name).unwrap_or_else(|| otherwise.iter().map(PathBuf::from).collect())
    };
    let mut folders = list(added).unwrap_or_default();
    let roots = [
        home("XDG_CONFIG_HOME", ".config"),
        or("XDG_CONFIG_DIRS", &["/etc/xdg"]),
        // As distributions compile the loader.
        vec!["/etc".into()],
        home("XDG_DATA_HOME", ".local/share"),
        or("XDG_DATA_DIRS", &["/usr/local/share", "/usr/share"]),
    ];
    folders.extend(roots.iter().flatten().map(|root| root.join(kind)));
    folders
}

/// The manifest in a file, if it names the layer.
fn manifest(path: &Path, implicit: bool) -> Option<Manifest> {
    let text = fs::read_to_string(path).ok()?;
    let json: Value = serde_json::from_str(&text).ok()?;
    let layer = &json["layer"];
    if layer["name"] != layer::NAME {
        return None;
    }
    let named = Path::new(layer["library_path"].as_str()?);
    // "Relative paths are relative to the location of the manifest file"; a bare name is none.
    let is_bare = named.components().count() == 1;
    let library = if is_bare {
        named.to_owned()
    } else {
        let joined = path.parent()?.join(named);
        joined.canonicalize().unwrap_or(joined)
    };
    let variable = |key: &str| -> Option<(String, String)> {
        let (name, value) = layer[key].as_object()?.iter().next()?;
        Some((name.clone(), value.as_str()?.to_owned()))
    };
    Some(Manifest {
        path: path.to_owned(),
        implicit,
        library_exists: is_bare || library.exists(),
        library,
        enabled_by: variable("enable_environment").filter(|_| implicit),
        disabled_by: variable("disable_environment")
            .filter(|_| implicit)
            .map(|(name, _)| name),
    })
}

/// Why an application started in this environment does not get the layer, although the loader works.
pub fn why_not_loaded(
    manifests: &[Manifest],
    log: &str,
    current: impl Fn(&str) -> Option<OsString>,
) -> String {
    let is_set = |name: &str| current(name).is_some();
    let Some(first) = manifests.first() else {
        return "it is not installed".to_owned();
    };
    if let Some(missing) = manifests.iter().find(|manifest| !manifest.library_exists) {
        return format!(
            "{} names {}, which is not there",
            missing.path.display(),
            missing.library.display()
        );
    }
    if let Some(name) = first.disabled_by.as_deref().filter(|name| is_set(name)) {
        return format!("{name} is set");
    }
    if let Some(line) = log.lines().find(|line| {
        line.contains(layer::NAME) && line.contains("disabled because")
            || line.contains("libVkLayer_wayfence") && line.contains("ERROR")
    }) {
        return line.trim().to_owned();
    }
    if let Some((name, value)) = &first.enabled_by
        && current(name).is_none_or(|set| set != value.as_str())
    {
        return format!("it is installed for applications with {name}={value} only");
    }
    if !first.implicit {
        return "it is known to the loader, and nobody asks for it".to_owned();
    }
    "the loader does not say (VK_LOADER_DEBUG=all tells more)".to_owned()
}

/// The layers of the first instance in the loader's log, from the application down.
pub fn chain(log: &str) -> Vec<Link> {
    let mut chain: Vec<Link> = Vec::new();
    let mut lines = log
        .lines()
        .skip_while(|line| !line.contains("vkCreateInstance layer callstack setup to:"))
        .skip(1)
        .take_while(|line| !line.contains("<Driver"))
        .peekable();
    if lines.peek().is_some() {
        for line in lines {
            let line = after_tags(line);
            if line.starts_with("VK_LAYER_") {
                chain.push(Link {
                    name: line.to_owned(),
                    library: String::new(),
                });
            } else if let (Some(library), Some(last)) =
                (line.strip_prefix("Library:"), chain.last_mut())
            {
                library.trim().clone_into(&mut last.library);
            }
        }
        return chain;
    }
    // Older loaders name the layers one by one, from the driver up.
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("nsert instance layer ") {
            let mut words = rest.splitn(2, ' ');
            let name = words.next().unwrap_or_default().trim_matches('"');
            let library = words.next().unwrap_or_default();
            chain.insert(
                0,
                Link {
                    name: name.to_owned(),
                    library: library.trim_matches(['(', ')']).to_owned(),
                },
            );
        }
    }
    chain
}

/// A line of the loader's log without its prefix: `[Vulkan Loader] INFO | LAYER:`.
fn after_tags(line: &str) -> &str {
    line.split_once("LAYER:")
        .map_or(line, |(_, rest)| rest)
        .trim()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::command::terminal::json;

    fn nothing(_: &str) -> Option<OsString> {
        None
    }

    fn installed() -> Manifest {
        Manifest {
            path: "/usr/share/vulkan/implicit_layer.d/VkLayer_wayfence.json".into(),
            implicit: true,
            library: "/usr/lib/wayfence/libVkLayer_wayfence.so".into(),
            library_exists: true,
            enabled_by: None,
            disabled_by: Some(layer::DISABLE.to_owned()),
        }
    }

    #[test]
    fn a_path_that_is_no_unicode_is_printed() {
        let manifest = Manifest {
            path: OsString::from_vec(b"/\xff/VkLayer_wayfence.json".to_vec()).into(),
            ..installed()
        };
        assert!(json(&manifest).contains("/\u{fffd}/VkLayer"));
    }

    #[test]
    fn the_chain_is_read_from_the_application_down() {
        let log = "\
[Vulkan Loader] INFO | LAYER:     Insert instance layer \"VK_LAYER_A\" (libA.so)
[Vulkan Loader] LAYER:          vkCreateInstance layer callstack setup to:
[Vulkan Loader] LAYER:             <Application>
[Vulkan Loader] LAYER:               ||
[Vulkan Loader] LAYER:             <Loader>
[Vulkan Loader] LAYER:               ||
[Vulkan Loader] LAYER:             VK_LAYER_MESA_device_select
[Vulkan Loader] LAYER:                     Type: Implicit
[Vulkan Loader] LAYER:                     Library:  /usr/lib/libselect.so
[Vulkan Loader] LAYER:               ||
[Vulkan Loader] LAYER:             VK_LAYER_WAYFENCE_wsi
[Vulkan Loader] LAYER:                     Library:  /usr/lib/libVkLayer_wayfence.so
[Vulkan Loader] LAYER:               ||
[Vulkan Loader] LAYER:             <Drivers>
[Vulkan Loader] LAYER:          vkCreateDevice layer callstack setup to:
[Vulkan Loader] LAYER:             VK_LAYER_OTHER
";
        let chain = chain(log);
        assert_eq!(chain.len(), 2, "{chain:?}");
        assert_eq!(chain[0].name, "VK_LAYER_MESA_device_select");
        assert!(chain[1].is_ours());
        assert_eq!(chain[1].library, "/usr/lib/libVkLayer_wayfence.so");
    }

    #[test]
    fn an_older_loaders_chain_is_read_too() {
        let log = "\
INFO: Insert instance layer VK_LAYER_WAYFENCE_wsi (/lib/libVkLayer_wayfence.so)
INFO: Insert instance layer VK_LAYER_MESA_device_select (libselect.so)
";
        let names: Vec<_> = chain(log).into_iter().map(|link| link.name).collect();
        assert_eq!(names, ["VK_LAYER_MESA_device_select", layer::NAME]);
    }

    #[test]
    fn the_reason_for_a_missing_layer_is_the_one_that_helps() {
        let set =
            |wanted: &'static str| move |name: &str| (name == wanted).then(|| OsString::from("1"));
        assert_eq!(why_not_loaded(&[], "", nothing), "it is not installed");
        assert_eq!(
            why_not_loaded(&[installed()], "", set(layer::DISABLE)),
            "DISABLE_WAYFENCE is set"
        );
        let opt_in = Manifest {
            enabled_by: Some(("ENABLE_WAYFENCE".to_owned(), "1".to_owned())),
            ..installed()
        };
        assert!(why_not_loaded(&[opt_in], "", nothing).contains("ENABLE_WAYFENCE=1"));
        let broken = Manifest {
            library_exists: false,
            ..installed()
        };
        assert!(why_not_loaded(&[broken], "", nothing).contains("not there"));
        let explicit = Manifest {
            implicit: false,
            disabled_by: None,
            ..installed()
        };
        assert!(why_not_loaded(&[explicit], "", nothing).contains("nobody asks"));
        let log = "WARNING | LAYER:  Layer \"VK_LAYER_WAYFENCE_wsi\" disabled because name matches \
                   filter of env var 'VK_LOADER_LAYERS_DISABLE'";
        assert!(why_not_loaded(&[installed()], log, nothing).contains("VK_LOADER_LAYERS_DISABLE"));
    }

    #[test]
    fn the_search_path_is_the_loaders() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/me"));
        let kind = "vulkan/implicit_layer.d";
        let expected: Vec<PathBuf> = [
            "/home/me/.config",
            "/etc/xdg",
            "/etc",
            "/home/me/.local/share",
            "/usr/local/share",
            "/usr/share",
        ]
        .iter()
        .map(|root| Path::new(root).join(kind))
        .collect();
        assert_eq!(folders(true, home), expected);
        let only = |name: &str| (name == "VK_LAYER_PATH").then(|| OsString::from("/a:/b"));
        assert_eq!(folders(false, only), [Path::new("/a"), Path::new("/b")]);
    }

    #[test]
    fn a_manifest_names_its_library_relative_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("VkLayer_wayfence.json");
        let template = include_str!("../../../manifest/VkLayer_wayfence.json");
        let library = "../lib/libVkLayer_wayfence.so";
        fs::write(&file, template.replace("@LIBRARY_PATH@", library)).unwrap();
        let found = manifest(&file, true).unwrap();
        assert_eq!(found.library, folder.path().join(library));
        assert!(!found.library_exists);
        assert_eq!(found.disabled_by.as_deref(), Some(layer::DISABLE));
        assert_eq!(found.enabled_by, None);
        fs::write(&file, template.replace("WAYFENCE_wsi", "OTHER_wsi")).unwrap();
        assert_eq!(manifest(&file, true), None);
    }
}
