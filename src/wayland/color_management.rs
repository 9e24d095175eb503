//! Colour management (`wp_color_manager_v1`): what the compositor supports, and the descriptions that were
//! requested.

use std::sync::{Arc, Mutex};

use wayland_client::{
    Connection, Dispatch, Proxy, QueueHandle, WEnum, delegate_noop, protocol::wl_surface::WlSurface,
};
use wayland_protocols::wp::color_management::v1::client::{
    wp_color_management_surface_v1::WpColorManagementSurfaceV1,
    wp_color_manager_v1::{self, WpColorManagerV1},
    wp_image_description_creator_params_v1::WpImageDescriptionCreatorParamsV1,
};

use super::{
    colour::{Description, Support},
    globals::Globals,
    image_description::ImageDescription,
};
use crate::lock::lock;

/// The highest version of `wp_color_manager_v1` that we know.
pub(super) const KNOWN: u32 = 3;

/// How many descriptions are kept for reuse: those of a few swapchains, and of metadata that alternates.
const KEPT: usize = 8;

/// The compositor's `wp_color_manager_v1`, and the requested descriptions.
pub(super) struct Colours {
    manager: WpColorManagerV1,
    /// The newest last.
    described: Mutex<Vec<Arc<ImageDescription>>>,
}

impl Colours {
    pub(super) fn new(manager: WpColorManagerV1) -> Self {
        Colours {
            manager,
            described: Mutex::default(),
        }
    }

    /// What the compositor supports, from the events so far.
    pub(super) fn support(&self, globals: &mut Globals) -> Support {
        Support {
            version: self.manager.version(),
            ..std::mem::take(&mut globals.colours)
        }
    }

    /// The description with these parameters: a kept one, whose answer is known, or a new one. A failed one is
    /// replaced by a new one. No other thread may dispatch meanwhile.
    pub(super) fn describe(
        &self,
        handle: &QueueHandle<Globals>,
        says: Description,
    ) -> Arc<ImageDescription> {
        let mut described = lock(&self.described);
        described.retain(|known| !matches!(known.answer(), Some(Err(_))));
        if let Some(place) = described.iter().position(|known| *known.says() == says) {
            let known = described.remove(place);
            described.push(Arc::clone(&known));
            return known;
        }
        if described.len() >= KEPT {
            described.remove(0);
        }
        let new = Arc::new(ImageDescription::new(&self.manager, handle, says));
        described.push(Arc::clone(&new));
        new
    }

    /// The object of a surface that has none.
    pub(super) fn surface(
        &self,
        handle: &QueueHandle<Globals>,
        surface: &WlSurface,
    ) -> WpColorManagementSurfaceV1 {
        self.manager.get_surface(surface, handle, ())
    }
}

impl Drop for Colours {
    fn drop(&mut self) {
        lock(&self.described).clear();
        self.manager.destroy();
    }
}

impl Dispatch<WpColorManagerV1, ()> for Globals {
    fn event(
        globals: &mut Self,
        _: &WpColorManagerV1,
        event: wp_color_manager_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use wp_color_manager_v1::Event;
        let support = &mut globals.colours;
        // Unknown names are of no use.
        match event {
            Event::SupportedIntent {
                render_intent: WEnum::Value(intent),
            } => support.intents.push(intent),
            Event::SupportedFeature {
                feature: WEnum::Value(feature),
            } => support.features.push(feature),
            Event::SupportedTfNamed {
                tf: WEnum::Value(function),
            } => support.transfer_functions.push(function),
            Event::SupportedPrimariesNamed {
                primaries: WEnum::Value(primaries),
            } => support.primaries.push(primaries),
            _ => {}
        }
    }
}

// They have no events.
delegate_noop!(Globals: WpColorManagementSurfaceV1);
delegate_noop!(Globals: WpImageDescriptionCreatorParamsV1);
