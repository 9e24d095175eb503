//! What the compositor can do with colours, and what its outputs are.

use serde::{Deserialize, Serialize};
use wayfence::colour::{self, Feature, Support};
use wayland_client::globals::registry_queue_init;
use wayland_client::protocol::wl_output::{self, WlOutput};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum, delegate_noop};
use wayland_protocols::wp::color_management::v1::client::wp_color_management_output_v1::WpColorManagementOutputV1;
use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::WpColorManagerV1;
use wayland_protocols::wp::color_management::v1::client::wp_image_description_info_v1::{
    self, WpImageDescriptionInfoV1,
};
use wayland_protocols::wp::color_management::v1::client::wp_image_description_v1::{
    self, WpImageDescriptionV1,
};

use crate::command::registry::ignore_registry;

/// What a compositor with `wp_color_manager_v1` can do.
#[derive(Serialize, Deserialize)]
pub struct Colours {
    /// The colour spaces that it can show.
    pub spaces: Vec<String>,
    /// The HDR metadata that it takes.
    pub metadata: Vec<String>,
    /// Its outputs.
    pub outputs: Vec<Output>,
}

/// The colours of an output.
#[derive(Default, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its primaries, by name if they have one.
    pub primaries: String,
    /// Its transfer function.
    pub transfer: String,
    /// The least and the greatest luminance that it shows, in cd/m².
    pub luminance: Option<[f64; 2]>,
    /// The luminance of its reference white in cd/m².
    pub white: Option<u32>,
}

impl Colours {
    /// Asks this compositor, of these capabilities.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn look(connection: &Connection, support: &Support) -> Result<Self, String> {
        let spaces = colour::all().iter();
        let has = |feature, what: &str| support.has(feature).then(|| what.to_owned());
        let metadata = [
            has(Feature::Parametric, "content light levels"),
            has(
                Feature::SetMasteringDisplayPrimaries,
                "the mastering display",
            ),
            has(
                Feature::ExtendedTargetVolume,
                "colours beyond the colour space",
            ),
        ];
        Ok(Self {
            spaces: spaces
                .filter(|space| space.is_offered(Some(support)))
                .map(ToString::to_string)
                .collect(),
            metadata: metadata.into_iter().flatten().collect(),
            outputs: outputs(connection)?,
        })
    }
}

fn outputs(connection: &Connection) -> Result<Vec<Output>, String> {
    let (globals, mut queue) =
        registry_queue_init::<Heard>(connection).map_err(|error| error.to_string())?;
    let handle = queue.handle();
    let Ok(manager) = globals.bind::<WpColorManagerV1, _, _>(&handle, 1..=1, ()) else {
        return Ok(Vec::new());
    };
    let mut heard = Heard::default();
    let registry = globals.registry();
    let list = globals.contents().clone_list();
    for global in list.iter().filter(|global| global.interface == "wl_output") {
        let number = heard.0.len();
        heard.0.push(Output::default());
        let version = global.version.min(4);
        let output: WlOutput = registry.bind(global.name, version, &handle, number);
        manager
            .get_output(&output, &handle, ())
            .get_image_description(&handle, number);
    }
    // One roundtrip for the descriptions, one for their information.
    for _ in 0..2 {
        queue
            .roundtrip(&mut heard)
            .map_err(|error| error.to_string())?;
    }
    Ok(heard.0)
}

/// The outputs, as their events fill them in.
#[derive(Default)]
struct Heard(Vec<Output>);

ignore_registry!(Heard);

impl Dispatch<WlOutput, usize> for Heard {
    fn event(
        heard: &mut Self,
        _: &WlOutput,
        event: wl_output::Event,
        number: &usize,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_output::Event::Name { name } = event {
            heard.0[*number].name = name;
        }
    }
}

impl Dispatch<WpImageDescriptionV1, usize> for Heard {
    fn event(
        _: &mut Self,
        description: &WpImageDescriptionV1,
        event: wp_image_description_v1::Event,
        number: &usize,
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        use wp_image_description_v1::Event;
        if let Event::Ready { .. } | Event::Ready2 { .. } = event {
            description.get_information(handle, *number);
        }
    }
}

impl Dispatch<WpImageDescriptionInfoV1, usize> for Heard {
    fn event(
        heard: &mut Self,
        _: &WpImageDescriptionInfoV1,
        event: wp_image_description_info_v1::Event,
        number: &usize,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use wp_image_description_info_v1::Event;
        let output = &mut heard.0[*number];
        let ten_thousandths = |luminance: u32| f64::from(luminance) / 10_000.0;
        match event {
            Event::PrimariesNamed { primaries } => output.primaries = name_of(primaries),
            Event::Primaries {
                r_x,
                r_y,
                g_x,
                g_y,
                b_x,
                b_y,
                ..
            } if output.primaries.is_empty() => {
                let part = |part: i32| f64::from(part) / 1e6;
                let colours = [(r_x, r_y), (g_x, g_y), (b_x, b_y)];
                let colours = colours.map(|(x, y)| format!("({}, {})", part(x), part(y)));
                output.primaries = colours.join(" ");
            }
            Event::TfNamed { tf } => output.transfer = name_of(tf),
            Event::TfPower { eexp } => output.transfer = format!("power {}", ten_thousandths(eexp)),
            Event::IccFile { .. } => output.transfer = "an ICC profile".to_owned(),
            Event::Luminances { reference_lum, .. } => output.white = Some(reference_lum),
            Event::TargetLuminance { min_lum, max_lum } => {
                output.luminance = Some([ten_thousandths(min_lum), f64::from(max_lum)]);
            }
            _ => {}
        }
    }
}

fn name_of<T: std::fmt::Debug>(value: WEnum<T>) -> String {
    match value {
        WEnum::Value(value) => format!("{value:?}"),
        WEnum::Unknown(number) => format!("number {number}"),
    }
}

// The library has read its capabilities.
delegate_noop!(Heard: ignore WpColorManagerV1);
delegate_noop!(Heard: ignore WpColorManagementOutputV1);
