//! Which object has which interface, as far as it is known: all of what a window needs.

use std::collections::HashMap;

use wayland_client::Proxy;
use wayland_client::backend::protocol::{ArgumentType, Interface, MessageDesc};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_display::WlDisplay;
use wayland_client::protocol::wl_fixes::WlFixes;
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_shm::WlShm;
use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::WpColorManagerV1;
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_manager_v1::WpTearingControlManagerV1;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;

use super::message::{Message, Value};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The window.
    Client,
    /// The compositor.
    Compositor,
}

/// The objects of one connection.
pub struct Objects(HashMap<u32, &'static Interface>);

/// A message of which is known what it is.
pub struct Known {
    /// Its object's interface.
    pub interface: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: Vec<Value>,
    /// How many descriptors it has.
    pub fds: usize,
}

impl Objects {
    /// Those of a new connection: the display.
    pub fn new() -> Self {
        Self(HashMap::from([(1, WlDisplay::interface())]))
    }

    /// What this is. Learns of the object that it makes.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn understand(&mut self, side: Side, message: &Message<'_>) -> Result<Known, String> {
        let interface = *self
            .0
            .get(&message.object)
            .ok_or_else(|| format!("a message of the unknown object {}", message.object))?;
        let messages: &[MessageDesc] = match side {
            Side::Client => interface.requests,
            Side::Compositor => interface.events,
        };
        let of = messages
            .get(usize::from(message.opcode))
            .ok_or_else(|| format!("message {} of {}", message.opcode, interface.name))?;
        let arguments = message
            .arguments(of.signature)
            .ok_or_else(|| format!("{}.{} is cut short", interface.name, of.name))?;
        let known = Known {
            interface: interface.name,
            name: of.name,
            fds: (of.signature.iter())
                .filter(|kind| matches!(kind, ArgumentType::Fd))
                .count(),
            arguments,
        };
        let made = of
            .signature
            .iter()
            .position(|kind| matches!(kind, ArgumentType::NewId));
        if let Some(at) = made {
            // `wl_registry.bind` names the interface beside the new object.
            let interface = match of.child_interface {
                Some(interface) => Some(interface),
                None => global(known.arguments[at.saturating_sub(2)].text()),
            };
            if let Some(interface) = interface {
                self.0.insert(known.arguments[at].number(), interface);
            }
        }
        Ok(known)
    }
}

/// The interface of a global that the window may know: others are kept from it, so that nothing passes of
/// which it is unknown how many descriptors it has.
pub fn global(name: &str) -> Option<&'static Interface> {
    let known: [&'static Interface; 14] = [
        WlCompositor::interface(),
        WlFixes::interface(),
        WlOutput::interface(),
        WlShm::interface(),
        XdgWmBase::interface(),
        WpColorManagerV1::interface(),
        WpCommitTimingManagerV1::interface(),
        WpFifoManagerV1::interface(),
        WpLinuxDrmSyncobjManagerV1::interface(),
        WpPresentation::interface(),
        WpTearingControlManagerV1::interface(),
        WpViewporter::interface(),
        ZwpLinuxDmabufV1::interface(),
        ZwpLinuxExplicitSynchronizationV1::interface(),
    ];
    known.into_iter().find(|interface| interface.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(object: u32, opcode: u16, words: &[u32]) -> Vec<u8> {
        let length = (words.len() as u32 + 2) * 4;
        let mut all = vec![object, length << 16 | u32::from(opcode)];
        all.extend(words);
        all.into_iter().flat_map(u32::to_ne_bytes).collect()
    }

    fn understood(objects: &mut Objects, bytes: &[u8]) -> Result<Known, String> {
        objects.understand(Side::Client, &Message::first(bytes).unwrap().unwrap())
    }

    #[test]
    fn objects_are_known_from_what_makes_them() {
        let mut objects = Objects::new();
        let known = understood(&mut objects, &message(1, 1, &[2])).unwrap();
        assert_eq!(
            (known.interface, known.name),
            ("wl_display", "get_registry")
        );
        // bind(1, "wl_shm", 1, 3)
        let text = [
            7,
            u32::from_ne_bytes(*b"wl_s"),
            u32::from_ne_bytes(*b"hm\0\0"),
        ];
        let bind = message(2, 0, &[1, text[0], text[1], text[2], 1, 3]);
        understood(&mut objects, &bind).unwrap();
        let known = understood(&mut objects, &message(3, 0, &[4, 4096])).unwrap();
        assert_eq!((known.interface, known.name), ("wl_shm", "create_pool"));
        assert_eq!(known.fds, 1);
        assert!(understood(&mut objects, &message(9, 0, &[])).is_err());
    }
}
