//! `xdg_wm_base`: windows. The first configure follows the initial commit by itself, with the size left
//! to the client; all others are the test's.

use wayland_protocols::xdg::shell::server::xdg_popup::{self, XdgPopup};
use wayland_protocols::xdg::shell::server::xdg_positioner::{self, XdgPositioner};
use wayland_protocols::xdg::shell::server::xdg_surface::{self, XdgSurface};
use wayland_protocols::xdg::shell::server::xdg_toplevel::{self, XdgToplevel};
use wayland_protocols::xdg::shell::server::xdg_wm_base::{self, XdgWmBase};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};
use crate::surface::Ended;
use crate::surface_state::{Pending, PendingBuffer, Role, Surface};
use crate::xdg_surface::{RoleObject, XdgSurfaceState};

global!(XdgWmBase);

impl Surface {
    fn xdg(&mut self) -> Option<&mut XdgSurfaceState> {
        match &mut self.role {
            Some(Role::Xdg(xdg)) => Some(xdg),
            _ => None,
        }
    }

    /// What `xdg_surface` says of the moment of a commit.
    pub fn check_role(&self, pending: &Pending) -> Result<(), Ended> {
        let Some(Role::Xdg(xdg)) = &self.role else {
            return Ok(());
        };
        let (error, message) = match (&xdg.role, pending.buffer(), xdg.acknowledged) {
            (None, ..) => (
                xdg_surface::Error::NotConstructed,
                "a commit before the xdg_surface has a role",
            ),
            (Some(_), Some(_), None) => (
                xdg_surface::Error::UnconfiguredBuffer,
                "a buffer before a configure is acknowledged",
            ),
            _ => return Ok(()),
        };
        protocol_error(&xdg.resource, error, message);
        Err(Ended)
    }

    /// The role's part in a commit, before the commit is in force. Answers whether it is the initial one,
    /// which a configure must follow.
    pub fn commit_role(&mut self, pending: &Pending) -> bool {
        let mapped = self.current.buffer.is_some();
        let Some(xdg) = self.xdg() else {
            return false;
        };
        if mapped && matches!(pending.attached, PendingBuffer::Null) {
            // "the client must perform the initial commit again before attaching a buffer".
            xdg.reset();
            return false;
        }
        !std::mem::replace(&mut xdg.initialised, true)
    }

    /// The last configure that the client has acknowledged.
    pub fn acknowledged(&self) -> Option<u32> {
        match &self.role {
            Some(Role::Xdg(xdg)) => xdg.acknowledged,
            _ => None,
        }
    }
}

impl State {
    /// Asks for a size, 0 by 0 for any. Answers the serial; `None` for a surface that is no window.
    pub fn configure(&mut self, id: SurfaceId, width: i32, height: i32) -> Option<u32> {
        let serial = self.new_serial();
        let xdg = self.surfaces.get_mut(&id)?.xdg()?;
        match xdg.role.as_ref()? {
            RoleObject::Toplevel(toplevel) => toplevel.configure(width, height, Vec::new()),
            RoleObject::Popup(popup) => popup.configure(0, 0, width, height),
        }
        xdg.sent.push(serial);
        xdg.resource.configure(serial);
        Some(serial)
    }

    /// Asks the window to close. Answers whether it is one.
    pub fn close(&mut self, id: SurfaceId) -> bool {
        let xdg = self.surfaces.get_mut(&id).and_then(Surface::xdg);
        match xdg.and_then(|xdg| xdg.role.as_ref()) {
            Some(RoleObject::Toplevel(toplevel)) => {
                toplevel.close();
                true
            }
            Some(RoleObject::Popup(popup)) => {
                popup.popup_done();
                true
            }
            None => false,
        }
    }
}

impl Dispatch<XdgWmBase, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        shell: &XdgWmBase,
        request: xdg_wm_base::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use xdg_wm_base::{Error, Request};
        match request {
            Request::GetXdgSurface { id, surface } => {
                let resource = init.init(id, surface_id(&surface));
                let Some(surface) = state.surface_of(&surface) else {
                    return;
                };
                if surface.role.is_some() {
                    protocol_error(shell, Error::Role, "the surface has a role");
                    return;
                }
                // "Creating an xdg_surface from a wl_surface which has a buffer attached or committed is
                // a client error".
                if surface.current.buffer.is_some() || surface.pending.buffer().is_some() {
                    protocol_error(shell, Error::InvalidSurfaceState, "it has a buffer");
                    return;
                }
                surface.role = Some(Role::Xdg(Box::new(XdgSurfaceState {
                    shell: shell.clone(),
                    resource,
                    role: None,
                    initialised: false,
                    sent: Vec::new(),
                    acknowledged: None,
                })));
            }
            Request::CreatePositioner { id } => {
                init.init(id, ());
            }
            Request::Destroy => {
                let children = state.surfaces.values().any(
                    |surface| matches!(&surface.role, Some(Role::Xdg(xdg)) if xdg.shell == *shell),
                );
                if children {
                    protocol_error(shell, Error::DefunctSurfaces, "it has surfaces");
                }
            }
            Request::Pong { .. } => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<XdgSurface, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &XdgSurface,
        request: xdg_surface::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use xdg_surface::{Error, Request};
        let xdg = state.surfaces.get_mut(id).and_then(Surface::xdg);
        let has_role = xdg.as_ref().is_some_and(|xdg| xdg.role.is_some());
        let role = match request {
            Request::GetToplevel { id: new } => RoleObject::Toplevel(init.init(new, *id)),
            Request::GetPopup { id: new, .. } => RoleObject::Popup(init.init(new, *id)),
            Request::AckConfigure { .. } | Request::SetWindowGeometry { .. } if !has_role => {
                protocol_error(resource, Error::NotConstructed, "it has no role");
                return;
            }
            Request::AckConfigure { serial } => {
                let Some(xdg) = xdg else { return };
                let Some(index) = xdg.sent.iter().position(|sent| *sent == serial) else {
                    let message = format!("configure {serial} was not sent, or is used up");
                    protocol_error(resource, Error::InvalidSerial, message);
                    return;
                };
                xdg.sent.drain(..=index);
                xdg.acknowledged = Some(serial);
                return;
            }
            Request::SetWindowGeometry { width, height, .. } => {
                if width <= 0 || height <= 0 {
                    let message = format!("{width}x{height}");
                    protocol_error(resource, Error::InvalidSize, message);
                }
                return;
            }
            Request::Destroy => {
                if has_role {
                    let message = "destroyed before its role object";
                    protocol_error(resource, Error::DefunctRoleObject, message);
                }
                return;
            }
            other => unreachable!("{other:?}"),
        };
        if has_role {
            protocol_error(resource, Error::AlreadyConstructed, "it has a role");
        } else if let Some(xdg) = xdg {
            xdg.role = Some(role);
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &XdgSurface,
        id: &SurfaceId,
    ) {
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.role = None;
        }
    }
}

/// Titles, sizes and states are taken and forgotten.
impl Dispatch<XdgToplevel, SurfaceId> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &XdgToplevel,
        _: xdg_toplevel::Request,
        _: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &XdgToplevel,
        id: &SurfaceId,
    ) {
        state.role_object_gone(*id);
    }
}

impl Dispatch<XdgPopup, SurfaceId> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &XdgPopup,
        _: xdg_popup::Request,
        _: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &XdgPopup,
        id: &SurfaceId,
    ) {
        state.role_object_gone(*id);
    }
}

impl Dispatch<XdgPositioner, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &XdgPositioner,
        _: xdg_positioner::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

impl State {
    fn role_object_gone(&mut self, id: SurfaceId) {
        if let Some(xdg) = self.surfaces.get_mut(&id).and_then(Surface::xdg) {
            xdg.role = None;
            xdg.reset();
        }
    }
}
