//! Colour spaces: their image descriptions, and which of them a compositor can show.
//!
//! A swapchain's colour space becomes an image description (`wp_image_description_v1`), which goes onto
//! the surface with the swapchain's commits. Two spaces have none: `SRGB_NONLINEAR` is what a surface
//! without a description is, and `PASS_THROUGH` leaves the surface's description to the application.

mod description;
mod metadata;
mod space;
mod support;
#[cfg(test)]
mod tests;

pub use description::{Description, Encoding, Gamut, Volume};
pub use metadata::{Chromaticity, LeftOut, Metadata};
pub use space::{Space, all, from_vk};
pub use support::{Feature, Primaries, RenderIntent, Support, TransferFunction};
