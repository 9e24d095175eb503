//! The object that sets the description of a surface's commits (`wp_color_management_surface_v1`).

use std::sync::{Arc, Mutex};

use wayland_client::{QueueHandle, protocol::wl_surface::WlSurface};
use wayland_protocols::wp::color_management::v1::client::wp_color_management_surface_v1::WpColorManagementSurfaceV1;

use super::{
    color_management::Colours, colour::RenderIntent, globals::Globals,
    image_description::ImageDescription,
};
use crate::lock::lock;

/// The one `wp_color_management_surface_v1` that a surface may have. It lives as long as a swapchain that needs
/// it, unless a newer one must not have it.
pub(crate) struct ColourSurface(Mutex<Shown>);

#[derive(Default)]
struct Shown {
    object: Option<WpColorManagementSurfaceV1>,
    /// The description that was set last.
    description: Option<Arc<ImageDescription>>,
}

impl ColourSurface {
    pub(super) fn new() -> Self {
        ColourSurface(Mutex::default())
    }

    /// Makes the object, unless there is one.
    pub(super) fn take(
        &self,
        colours: &Colours,
        handle: &QueueHandle<Globals>,
        surface: &WlSurface,
    ) {
        let mut shown = lock(&self.0);
        if shown.object.is_none() {
            shown.object = Some(colours.surface(handle, surface));
        }
    }

    /// Destroys the object. From the next commit on the surface has no description.
    pub(super) fn leave(&self) {
        if let Some(object) = std::mem::take(&mut *lock(&self.0)).object {
            // "do the same as unset_image_description".
            object.destroy();
        }
    }

    /// Sets the description of the next commit and those after it; `None`: none. The description must be ready.
    /// Does nothing without the object.
    pub(super) fn show(&self, description: Option<&Arc<ImageDescription>>) {
        let mut shown = lock(&self.0);
        let Shown {
            object: Some(object),
            description: known,
        } = &mut *shown
        else {
            return;
        };
        let address = |of: Option<&Arc<ImageDescription>>| of.map(Arc::as_ptr);
        if address(known.as_ref()) == address(description) {
            return;
        }
        match description {
            Some(description) => {
                object.set_image_description(description.proxy(), RenderIntent::Perceptual);
            }
            None => object.unset_image_description(),
        }
        *known = description.map(Arc::clone);
    }
}

impl Drop for ColourSurface {
    fn drop(&mut self) {
        self.leave();
    }
}
