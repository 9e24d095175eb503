//! `wp_viewporter`: crop and scale.

use wayland_protocols::wp::viewporter::server::wp_viewport::{self, WpViewport};
use wayland_protocols::wp::viewporter::server::wp_viewporter::{self, WpViewporter};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::ids::SurfaceId;
use crate::state::{State, protocol_error, surface_id};
use crate::surface::Ended;
use crate::surface_state::{Pending, Surface};
use crate::viewport::Viewport;

global!(WpViewporter);

impl Dispatch<WpViewporter, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        viewporter: &WpViewporter,
        request: wp_viewporter::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wp_viewporter::Request::GetViewport { id, surface } => {
                let viewport = init.init(id, surface_id(&surface));
                if let Some(surface) = state.surface_of(&surface)
                    && surface.extensions.viewport.replace(viewport).is_some()
                {
                    let error = wp_viewporter::Error::ViewportExists;
                    protocol_error(viewporter, error, "the surface has a wp_viewport");
                }
            }
            wp_viewporter::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WpViewport, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WpViewport,
        request: wp_viewport::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use wp_viewport::{Error, Request};
        if let Request::Destroy = request {
            return;
        }
        let Some(surface) = state.surfaces.get_mut(id) else {
            protocol_error(resource, Error::NoSurface, "no surface");
            return;
        };
        let viewport = &mut surface.pending.lasting.viewport;
        match request {
            Request::SetSource {
                x,
                y,
                width,
                height,
            } => {
                if [x, y, width, height] == [-1.0; 4] {
                    viewport.source = None;
                } else if x < 0.0 || y < 0.0 || width <= 0.0 || height <= 0.0 {
                    let message = format!("a source of {width}x{height} at {x}, {y}");
                    protocol_error(resource, Error::BadValue, message);
                } else {
                    viewport.source = Some((x, y, width, height));
                }
            }
            Request::SetDestination { width, height } => {
                if (width, height) == (-1, -1) {
                    viewport.destination = None;
                } else if width <= 0 || height <= 0 {
                    let message = format!("a destination of {width}x{height}");
                    protocol_error(resource, Error::BadValue, message);
                } else {
                    viewport.destination = Some((width, height));
                }
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WpViewport,
        id: &SurfaceId,
    ) {
        if let Some(surface) = state.surfaces.get_mut(id) {
            surface.extensions.viewport = None;
            surface.pending.lasting.viewport = Viewport::default();
        }
    }
}

impl Surface {
    /// What `wp_viewport` says of the moment of a commit.
    pub fn check_viewport(&self, pending: &Pending) -> Result<(), Ended> {
        let Some(resource) = &self.extensions.viewport else {
            return Ok(());
        };
        let Viewport {
            source: Some((x, y, width, height)),
            destination,
        } = pending.lasting.viewport
        else {
            return Ok(());
        };
        if destination.is_none() && (width.fract() != 0.0 || height.fract() != 0.0) {
            let message = format!("a source of {width}x{height} and no destination");
            protocol_error(resource, wp_viewport::Error::BadSize, message);
            return Err(Ended);
        }
        let Some((right, bottom)) = self.content_size(pending) else {
            return Ok(());
        };
        if x + width > f64::from(right) || y + height > f64::from(bottom) {
            let message = format!("{width}x{height} at {x}, {y} of {right}x{bottom}");
            protocol_error(resource, wp_viewport::Error::OutOfBuffer, message);
            return Err(Ended);
        }
        Ok(())
    }

    /// The size of the buffer after its transform and scale; `None` without a buffer.
    fn content_size(&self, pending: &Pending) -> Option<(i32, i32)> {
        let buffer = pending.buffer_in_force(self.current.buffer.as_ref())?;
        let scale = pending.lasting.scale;
        let (width, height) = (buffer.width / scale, buffer.height / scale);
        // The odd transforms turn by 90 or 270 degrees (wl_output.transform).
        Some(match pending.lasting.transform % 2 {
            0 => (width, height),
            _ => (height, width),
        })
    }
}
