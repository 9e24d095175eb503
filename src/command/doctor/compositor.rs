//! What the compositor offers.

use std::collections::BTreeMap;
use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wayfence::format::{self, modifier_name};
use wayfence::wayland;
use wayland_client::globals::registry_queue_init;
use wayland_client::{ConnectError, Connection, Dispatch, QueueHandle, delegate_noop};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::{
    self, ZwpLinuxDmabufFeedbackV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;

use super::colours::Colours;
use crate::command::registry::ignore_registry;

/// The findings.
#[derive(Serialize, Deserialize)]
pub struct Compositor {
    /// The name of its process, or `unknown`.
    pub name: String,
    /// Every global, with its version.
    pub protocols: BTreeMap<String, u32>,
    /// The device whose buffers it prefers, if it says.
    pub main_device: Option<PathBuf>,
    /// The DRM format modifiers that it takes for each format that a Vulkan surface can have: those that it takes
    /// both opaque and with alpha.
    pub formats: BTreeMap<String, Vec<String>>,
    /// What it can do with colours; `None` without colour management.
    pub colours: Option<Colours>,
}

impl Compositor {
    /// Asks the compositor of this environment.
    ///
    /// # Errors
    /// Why there is no compositor to ask.
    pub fn look() -> Result<Self, String> {
        let connection = connect()?;
        let (globals, mut queue) =
            registry_queue_init::<Answers>(&connection).map_err(|error| error.to_string())?;
        let protocols: BTreeMap<_, _> = globals
            .contents()
            .clone_list()
            .into_iter()
            .map(|global| (global.interface, global.version))
            .collect();

        let handle = queue.handle();
        let mut answers = Answers::default();
        // Version 4 has feedback.
        if let Ok(dmabuf) = globals.bind::<ZwpLinuxDmabufV1, _, _>(&handle, 4..=5, ()) {
            let feedback = dmabuf.get_default_feedback(&handle, ());
            queue
                .roundtrip(&mut answers)
                .map_err(|error| error.to_string())?;
            feedback.destroy();
            dmabuf.destroy();
        }

        // As the layer sees it.
        // SAFETY: a valid display, which `connection` keeps, and which outlives `display`.
        let display = unsafe { wayland::Display::of(connection.backend().display_ptr().cast()) }
            .map_err(|error| error.to_string())?;
        let formats = format::all()
            .iter()
            .filter_map(|format| {
                let offered = &display.capabilities().formats;
                let alpha = offered.modifiers(format.alpha);
                let both: Vec<_> = offered
                    .modifiers(format.opaque)
                    .iter()
                    .filter(|modifier| alpha.contains(modifier))
                    .map(|modifier| modifier_name(*modifier))
                    .collect();
                (!both.is_empty()).then(|| (format.to_string(), both))
            })
            .collect();
        let support = display.capabilities().colours.as_ref();
        let colours = support.map(|support| Colours::look(&connection, support));
        let colours = colours.transpose()?;
        Ok(Self {
            name: display.compositor().to_owned(),
            protocols,
            main_device: answers.main_device.map(node_of),
            formats,
            colours,
        })
    }

    /// The version of a protocol, if it is offered.
    pub fn version(&self, protocol: &str) -> Option<u32> {
        self.protocols.get(protocol).copied()
    }
}

/// A connection to the compositor of this environment.
///
/// # Errors
/// Why there is no compositor.
pub fn connect() -> Result<Connection, String> {
    Connection::connect_to_env().map_err(|error| match error {
        ConnectError::NoCompositor => match env::var("WAYLAND_DISPLAY") {
            Ok(name) => format!("no Wayland compositor answers on WAYLAND_DISPLAY={name}"),
            Err(_) => "there is no Wayland session here: WAYLAND_DISPLAY is not set".to_owned(),
        },
        ConnectError::NoWaylandLib => "there is no libwayland-client.so.0".to_owned(),
        ConnectError::InvalidFd => "WAYLAND_SOCKET names no socket".to_owned(),
    })
}

#[derive(Default)]
struct Answers {
    /// `dev_t`
    main_device: Option<u64>,
}

/// The device's node in `/dev/dri`, or else its path by number.
fn node_of(device: u64) -> PathBuf {
    std::fs::read_dir("/dev/dri")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.metadata().is_ok_and(|node| node.rdev() == device))
        .unwrap_or_else(|| {
            format!("/dev/char/{}:{}", libc::major(device), libc::minor(device)).into()
        })
}

ignore_registry!(Answers);

impl Dispatch<ZwpLinuxDmabufFeedbackV1, ()> for Answers {
    fn event(
        answers: &mut Self,
        _: &ZwpLinuxDmabufFeedbackV1,
        event: zwp_linux_dmabuf_feedback_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_linux_dmabuf_feedback_v1::Event::MainDevice { device } = event {
            answers.main_device = device.try_into().ok().map(u64::from_ne_bytes);
        }
    }
}

// Before version 4 formats are events; the library has read them.
delegate_noop!(Answers: ignore ZwpLinuxDmabufV1);
