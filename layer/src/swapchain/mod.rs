//! Swapchains that the layer owns: their creation, their images and the layouts of these.
//!
//! A frame draws into an image of [`owned`]. Knows `observe`, `objects`, and what these know.

pub mod alias;
pub mod foreign;
pub mod image;
pub mod image_memory;
pub mod image_recipe;
pub mod layouts;
pub mod memory;
pub mod owned;
pub mod owner;
pub mod spares;
