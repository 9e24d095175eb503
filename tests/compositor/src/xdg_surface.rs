//! `xdg_surface`: the role of a window's surface.

use wayland_protocols::xdg::shell::server::xdg_popup::XdgPopup;
use wayland_protocols::xdg::shell::server::xdg_surface::XdgSurface;
use wayland_protocols::xdg::shell::server::xdg_toplevel::XdgToplevel;
use wayland_protocols::xdg::shell::server::xdg_wm_base::XdgWmBase;

/// The `xdg_surface` of a surface.
#[derive(Debug)]
pub(crate) struct XdgSurfaceState {
    pub shell: XdgWmBase,
    pub resource: XdgSurface,
    pub role: Option<RoleObject>,
    /// The initial commit was made, and answered with a configure.
    pub initialised: bool,
    /// The serials of configures that may be acknowledged, oldest first.
    pub sent: Vec<u32>,
    pub acknowledged: Option<u32>,
}

#[derive(Debug)]
pub(crate) enum RoleObject {
    Toplevel(XdgToplevel),
    Popup(XdgPopup),
}

impl XdgSurfaceState {
    /// Whether the role object exists.
    pub fn is_alive(&self) -> bool {
        self.role.is_some()
    }

    /// It has never been mapped, or is unmapped.
    pub fn reset(&mut self) {
        self.initialised = false;
        self.sent.clear();
        self.acknowledged = None;
    }
}
