//! The settings of user and application, and the log.
//!
//! A setting comes from the environment (`WAYFENCE_…`), or else from the application, through
//! `VK_EXT_layer_settings`. This order holds for all layers ("Layers Configuration" in
//! Vulkan-Utility-Libraries: "environment variable", then "VK_EXT_layer_settings").

use std::{
    env,
    ffi::{CStr, OsStr, OsString, c_char, c_void},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    str::FromStr,
    sync::OnceLock,
};

use ash::vk;
use tracing_subscriber::{filter::LevelFilter, fmt, layer::SubscriberExt, reload};
use wayfence::{error::Error, synchronisation::Choice};

use crate::{catalogue::properties::LAYER_NAME, vulkan::p_next};

/// The settings of an instance.
pub struct Settings {
    /// `WAYFENCE_SYNC`, `sync`; an error with the text if it names no way.
    pub synchronisation: Result<Choice, Error>,
    /// `WAYFENCE_REPORT`, `report`: the file to which each swapchain appends its report.
    pub report: Option<PathBuf>,
    /// `WAYFENCE_LATENCY`, `latency`: whether the report has the latency of frames from present to pixels. Then
    /// the compositor is asked when each frame was shown.
    pub latency: bool,
    /// `WAYFENCE_TRACE`, `trace`: the file to which each frame's events go.
    pub trace: Option<PathBuf>,
}

impl Settings {
    /// The settings of an instance that is created with this chain. Its level of the log applies from now on.
    ///
    /// # Safety
    /// `chain` is null or the valid `pNext` chain of a `VkInstanceCreateInfo`.
    pub unsafe fn of_instance(chain: *const c_void) -> Self {
        // SAFETY: the caller guarantees it.
        let application = unsafe { Application::read(chain) };
        if variable("WAYFENCE_LOG").is_none()
            && let Some(level) = application.log
        {
            set_log_level(&level.to_string_lossy());
        }
        let of_application = |text: OsString| {
            let parsed = text.to_string_lossy().parse::<Choice>();
            parsed.map_err(|error| match error {
                Error::Setting {
                    value, expected, ..
                } => Error::Setting {
                    name: "the setting `sync`",
                    value,
                    expected,
                },
                other => other,
            })
        };
        Self {
            synchronisation: match (variable("WAYFENCE_SYNC"), application.sync) {
                (Some(text), _) => text.to_string_lossy().parse(),
                (None, Some(text)) => of_application(text),
                (None, None) => Ok(Choice::Auto),
            },
            report: file("WAYFENCE_REPORT", application.report),
            latency: variable("WAYFENCE_LATENCY")
                .or(application.latency)
                .is_some_and(|value| value != "0"),
            trace: file("WAYFENCE_TRACE", application.trace),
        }
    }
}

/// An application's settings, by `VkLayerSettingEXT`.
#[derive(Default)]
struct Application {
    sync: Option<OsString>,
    log: Option<OsString>,
    report: Option<OsString>,
    latency: Option<OsString>,
    trace: Option<OsString>,
}

impl Application {
    /// # Safety
    /// As of [`Settings::of_instance`].
    unsafe fn read(mut chain: *const c_void) -> Self {
        let mut settings = Self::default();
        // SAFETY: the caller guarantees a valid chain, of which the rest is one, too.
        while let Some(info) = unsafe { p_next::find::<vk::LayerSettingsCreateInfoEXT<'_>>(chain) }
        {
            // SAFETY: valid by the specification.
            for setting in unsafe { p_next::slice(info.p_settings, info.setting_count) } {
                // SAFETY: valid by the specification.
                unsafe { settings.take(setting) };
            }
            chain = info.p_next;
        }
        settings
    }

    /// Takes a setting, if it is for this layer and known.
    ///
    /// # Safety
    /// `setting` is valid.
    unsafe fn take(&mut self, setting: &vk::LayerSettingEXT<'_>) {
        // SAFETY: "pLayerName must be a null-terminated UTF-8 string", and pSettingName, too.
        let (layer, name) = unsafe {
            (
                CStr::from_ptr(setting.p_layer_name),
                CStr::from_ptr(setting.p_setting_name),
            )
        };
        if layer != LAYER_NAME {
            return;
        }
        let place = match name.to_bytes() {
            b"sync" => &mut self.sync,
            b"log" => &mut self.log,
            b"report" => &mut self.report,
            b"latency" => &mut self.latency,
            b"trace" => &mut self.trace,
            // "Values of pSettingName that are unknown to the layer are ignored".
            _ => return,
        };
        if setting.ty != vk::LayerSettingTypeEXT::STRING
            || setting.value_count != 1
            || setting.p_values.is_null()
        {
            tracing::warn!(?name, "the application's setting is not one string");
            return;
        }
        // SAFETY: by type and count one pointer to a null-terminated string.
        let value = unsafe { CStr::from_ptr(*setting.p_values.cast::<*const c_char>()) };
        // "the value of the first reference of the layer setting is used".
        place.get_or_insert_with(|| OsStr::from_bytes(value.to_bytes()).to_owned());
    }
}

/// A variable of the environment; `None` if it is empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// A file to write: the user's, or else the application's.
fn file(name: &str, of_application: Option<OsString>) -> Option<PathBuf> {
    variable(name)
        .filter(|_| !is_privileged())
        .or(of_application)
        .map(PathBuf::from)
}

/// Whether the process has more rights than its user: then the user must not name files that it writes.
fn is_privileged() -> bool {
    // SAFETY: a read of the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Changes the level of the log, once it is started.
static SET_LEVEL: OnceLock<Box<dyn Fn(LevelFilter) + Send + Sync>> = OnceLock::new();

/// Starts the log of the process, on standard error. Its level is that of `WAYFENCE_LOG` (`off`, `error`, `warn`,
/// `info`, `debug`, `trace`), or else that of the last instance with such a setting, or else `warn`.
///
/// The subscriber is this library's own: the host's Rust code, if any, has another copy of `tracing`.
pub fn start_log() {
    SET_LEVEL.get_or_init(|| {
        let (level, handle) = reload::Layer::new(LevelFilter::WARN);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .with_target(false)
            .without_time();
        let subscriber = tracing_subscriber::registry().with(lines).with(level);
        // Only a second start can fail.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Box::new(move |level| {
            // The subscriber lives as long as the process.
            let _ = handle.reload(level);
        })
    });
    static READ: std::sync::Once = std::sync::Once::new();
    READ.call_once(|| {
        if let Some(level) = variable("WAYFENCE_LOG") {
            set_log_level(&level.to_string_lossy());
        }
    });
}

fn set_log_level(text: &str) {
    match (LevelFilter::from_str(text), SET_LEVEL.get()) {
        (Ok(level), Some(set)) => set(level),
        (Ok(_), None) => {}
        (Err(_), _) => tracing::warn!(
            value = text,
            "the log's level is not off, error, warn, info, debug or trace: it stays as it is"
        ),
    }
}
