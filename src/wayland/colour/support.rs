//! A compositor's colour management.

pub use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::{
    Feature, Primaries, RenderIntent, TransferFunction,
};

/// What a compositor supports (`wp_color_manager_v1`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Support {
    /// The version of the protocol that both sides know.
    pub version: u32,
    /// The rendering intents.
    pub intents: Vec<RenderIntent>,
    /// The features.
    pub features: Vec<Feature>,
    /// The transfer functions that it knows by name.
    pub transfer_functions: Vec<TransferFunction>,
    /// The primaries that it knows by name.
    pub primaries: Vec<Primaries>,
}

impl Support {
    /// Whether it has this feature.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }
}
