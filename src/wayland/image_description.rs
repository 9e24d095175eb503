//! A requested image description (`wp_image_description_v1`).

use std::sync::{Arc, OnceLock};

use wayland_client::{Connection, Dispatch, QueueHandle};
use wayland_protocols::wp::color_management::v1::client::{
    wp_color_manager_v1::WpColorManagerV1,
    wp_image_description_creator_params_v1::WpImageDescriptionCreatorParamsV1,
    wp_image_description_v1::{self, WpImageDescriptionV1},
};

use super::{
    colour::{Description, Encoding, Volume},
    globals::Globals,
};

/// An image description of ours. It can be set on a surface once it is ready.
pub(crate) struct ImageDescription {
    proxy: WpImageDescriptionV1,
    says: Description,
    answer: Arc<Answer>,
}

/// The compositor's answer: none yet, or ready, or why not.
#[derive(Default)]
pub(super) struct Answer(OnceLock<Result<(), String>>);

impl ImageDescription {
    /// Requests the description. No thread may dispatch meanwhile.
    pub(super) fn new(
        manager: &WpColorManagerV1,
        handle: &QueueHandle<Globals>,
        says: Description,
    ) -> Self {
        let answer = Arc::<Answer>::default();
        let proxy = match says.encoding {
            Encoding::WindowsScrgb => manager.create_windows_scrgb(handle, Arc::clone(&answer)),
            Encoding::Parametric {
                primaries,
                transfer,
                luminances,
            } => {
                let creator = manager.create_parametric_creator(handle, ());
                creator.set_primaries_named(primaries);
                creator.set_tf_named(transfer);
                if let Some((least, greatest, white)) = luminances {
                    creator.set_luminances(least, greatest, white);
                }
                set_volume(&creator, &says.volume);
                creator.create(handle, Arc::clone(&answer))
            }
        };
        ImageDescription {
            proxy,
            says,
            answer,
        }
    }

    /// What it says.
    pub(crate) fn says(&self) -> &Description {
        &self.says
    }

    /// Whether it is ready, or else why not; `None` while the compositor has not answered.
    pub(crate) fn answer(&self) -> Option<Result<(), &str>> {
        let answer = self.answer.0.get()?;
        Some(answer.as_ref().copied().map_err(String::as_str))
    }

    /// The object to set on a surface; only once it is ready.
    pub(super) fn proxy(&self) -> &WpImageDescriptionV1 {
        &self.proxy
    }
}

impl Drop for ImageDescription {
    fn drop(&mut self) {
        // "Destroying a wp_image_description_v1 object has no side-effects".
        self.proxy.destroy();
    }
}

fn set_volume(creator: &WpImageDescriptionCreatorParamsV1, volume: &Volume) {
    if let Some([red, green, blue, white]) = volume.primaries {
        creator.set_mastering_display_primaries(
            red.0, red.1, green.0, green.1, blue.0, blue.1, white.0, white.1,
        );
    }
    if let Some((least, greatest)) = volume.luminance {
        creator.set_mastering_luminance(least, greatest);
    }
    if let Some(max_cll) = volume.max_cll {
        creator.set_max_cll(max_cll);
    }
    if let Some(max_fall) = volume.max_fall {
        creator.set_max_fall(max_fall);
    }
}

impl Dispatch<WpImageDescriptionV1, Arc<Answer>> for Globals {
    fn event(
        _: &mut Self,
        _: &WpImageDescriptionV1,
        event: wp_image_description_v1::Event,
        answer: &Arc<Answer>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use wp_image_description_v1::Event;
        let said = match event {
            Event::Ready { .. } | Event::Ready2 { .. } => Ok(()),
            Event::Failed { cause, msg } => Err(format!("{cause:?}: {msg}")),
            _ => return,
        };
        // It says it once.
        let _ = answer.0.set(said);
    }
}
