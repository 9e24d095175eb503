//! Where the session's compositor is.

use std::env;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A connection to it, of which nobody has read yet.
///
/// # Errors
/// Why there is none, for people.
pub fn connect() -> Result<UnixStream, String> {
    let Some(name) = env::var_os("WAYLAND_DISPLAY") else {
        return Err("there is no Wayland session here: WAYLAND_DISPLAY is not set".to_owned());
    };
    let mut path = PathBuf::from(&name);
    if path.is_relative() {
        let Some(folder) = env::var_os("XDG_RUNTIME_DIR") else {
            return Err("XDG_RUNTIME_DIR is not set".to_owned());
        };
        path = PathBuf::from(folder).join(path);
    }
    UnixStream::connect(&path).map_err(|error: io::Error| {
        format!(
            "no Wayland compositor answers on {}: {error}",
            path.display()
        )
    })
}
