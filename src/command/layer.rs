//! The layer that belongs to this command, and the environment in which the loader uses it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// The layer's name.
pub const NAME: &str = "VK_LAYER_WAYFENCE_wsi";
/// The file name of its manifest.
pub const MANIFEST: &str = "VkLayer_wayfence.json";
/// Disables the installed, implicit layer (the manifest's `disable_environment`).
pub const DISABLE: &str = "DISABLE_WAYFENCE";

/// Variables to set, or to remove.
pub type Variables = Vec<(&'static str, Option<OsString>)>;

/// The folder with the manifest that lies beside the library: in the command's own folder, as in a
/// build tree, or in `../lib/wayfence` of it, as installed.
///
/// An installed implicit layer has another manifest: see [`environment`].
///
/// # Errors
/// The places that were searched.
pub fn manifest_folder() -> io::Result<PathBuf> {
    let command = env::current_exe()?;
    let own = command.parent().unwrap_or(Path::new("/"));
    let places = [own.to_owned(), own.join("../lib/wayfence")];
    places
        .iter()
        .find(|place| place.join(MANIFEST).is_file())
        .map(|place| place.canonicalize())
        .unwrap_or_else(|| {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "the layer is missing: no {MANIFEST} in {} or {}",
                    places[0].display(),
                    places[1].display()
                ),
            ))
        })
}

/// The variables with which the loader uses the layer whose manifest is in `folder`, below every implicit layer
/// and every layer that `VK_INSTANCE_LAYERS` names already.
///
/// An overlay draws on the images of a swapchain whose creation it sees; below Wayfence it sees none. The loader
/// puts implicit layers above explicit ones, and those of `VK_INSTANCE_LAYERS` in its order
/// (LoaderLayerInterface.md): so Wayfence is explicit, and the last. A copy that is installed as an implicit layer
/// is disabled by its variable. A loader that takes the first layer of a name, whatever its kind, finds the copy
/// after the explicit layer.
pub fn environment(folder: &Path, current: impl Fn(&str) -> Option<OsString>) -> Variables {
    let layers = current("VK_INSTANCE_LAYERS").unwrap_or_default();
    // A user who names Wayfence among others has chosen the order.
    let layers = if names(&layers).any(|name| name == NAME) {
        layers
    } else {
        list(names(&layers).chain([OsStr::new(NAME)]))
    };
    let mut variables = vec![
        (DISABLE, Some("1".into())),
        ("VK_INSTANCE_LAYERS", Some(layers)),
    ];
    // "If VK_LAYER_PATH is present, then VK_ADD_LAYER_PATH will not be used by the loader." The same
    // for implicit layers.
    for (only, added) in [
        ("VK_LAYER_PATH", "VK_ADD_LAYER_PATH"),
        ("VK_IMPLICIT_LAYER_PATH", "VK_ADD_IMPLICIT_LAYER_PATH"),
    ] {
        let path = match current(only).filter(|folders| !folders.is_empty()) {
            Some(_) => only,
            None => added,
        };
        let folders = current(path).unwrap_or_default();
        let folders = [folder.as_os_str()].into_iter().chain(names(&folders));
        variables.push((path, Some(list(folders))));
    }
    variables
}

/// The variables without the layer, whatever would load it.
pub fn environment_without(current: impl Fn(&str) -> Option<OsString>) -> Variables {
    let layers = current("VK_INSTANCE_LAYERS").unwrap_or_default();
    let others = list(names(&layers).filter(|name| *name != NAME));
    vec![
        (DISABLE, Some("1".into())),
        ("VK_INSTANCE_LAYERS", (!others.is_empty()).then_some(others)),
    ]
}

fn names(list: &OsStr) -> impl Iterator<Item = &OsStr> {
    use std::os::unix::ffi::OsStrExt;
    list.as_bytes()
        .split(|byte| *byte == b':')
        .filter(|name| !name.is_empty())
        .map(OsStr::from_bytes)
}

fn list<'a>(names: impl IntoIterator<Item = &'a OsStr>) -> OsString {
    names.into_iter().collect::<Vec<_>>().join(OsStr::new(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(variables: &Variables, name: &str) -> Option<String> {
        let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
        value
            .as_ref()
            .map(|value| value.to_str().unwrap().to_owned())
    }

    fn with(current: &[(&str, &str)]) -> Variables {
        environment(Path::new("/layer"), lookup(current))
    }

    fn lookup(current: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| {
            let (_, value) = current.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(*value))
        }
    }

    #[test]
    fn the_layer_is_below_those_that_the_user_asked_for() {
        let alone = with(&[]);
        assert_eq!(value(&alone, "VK_INSTANCE_LAYERS").unwrap(), NAME);
        assert_eq!(value(&alone, "VK_ADD_LAYER_PATH").unwrap(), "/layer");
        let below = with(&[
            ("VK_INSTANCE_LAYERS", "VK_LAYER_MESA_overlay"),
            ("VK_ADD_LAYER_PATH", "/theirs"),
        ]);
        assert_eq!(
            value(&below, "VK_INSTANCE_LAYERS").unwrap(),
            format!("VK_LAYER_MESA_overlay:{NAME}")
        );
        assert_eq!(
            value(&below, "VK_ADD_LAYER_PATH").unwrap(),
            "/layer:/theirs"
        );
    }

    #[test]
    fn who_names_the_layer_has_chosen_the_order() {
        let order = format!("{NAME}:VK_LAYER_KHRONOS_validation");
        let chosen = with(&[("VK_INSTANCE_LAYERS", &order)]);
        assert_eq!(value(&chosen, "VK_INSTANCE_LAYERS").unwrap(), order);
    }

    #[test]
    fn where_the_search_path_is_replaced_the_layer_is_on_it() {
        let variables = with(&[("VK_LAYER_PATH", "/theirs")]);
        assert_eq!(
            value(&variables, "VK_LAYER_PATH").unwrap(),
            "/layer:/theirs"
        );
        assert_eq!(value(&variables, "VK_ADD_LAYER_PATH"), None);
        let variables = with(&[("VK_IMPLICIT_LAYER_PATH", "/theirs")]);
        assert_eq!(
            value(&variables, "VK_IMPLICIT_LAYER_PATH").unwrap(),
            "/layer:/theirs"
        );
        assert_eq!(value(&variables, "VK_ADD_IMPLICIT_LAYER_PATH"), None);
    }

    #[test]
    fn an_installed_copy_stays_out() {
        let variables = with(&[]);
        assert_eq!(value(&variables, DISABLE).unwrap(), "1");
        assert_eq!(
            value(&variables, "VK_ADD_IMPLICIT_LAYER_PATH").unwrap(),
            "/layer"
        );
    }

    #[test]
    fn without_the_layer_the_others_stay() {
        let order = format!("VK_LAYER_MESA_overlay:{NAME}");
        let without = environment_without(lookup(&[("VK_INSTANCE_LAYERS", &order)]));
        assert_eq!(
            value(&without, "VK_INSTANCE_LAYERS").unwrap(),
            "VK_LAYER_MESA_overlay"
        );
        assert_eq!(value(&without, DISABLE).unwrap(), "1");
        let none = environment_without(lookup(&[("VK_INSTANCE_LAYERS", NAME)]));
        assert_eq!(value(&none, "VK_INSTANCE_LAYERS"), None);
    }
}
