//! The extensions that the layer provides or has to know, each in a file of its own, and their list.
//!
//! A frame comes by where its chain has an extension's structure. [`EXTENSIONS`] names them all; the instance hands
//! it down, so that other folders use it without knowing this one. The [`catalogue`](crate::catalogue) makes of
//! it what is enumerated, features, the structures that a driver does not get, and commands. Tests hold manifest and
//! documentation to it. Knows all folders but `loader`.

mod calibrated_timestamps;
mod debug_marker;
mod debug_utils;
mod device_group;
mod display_control;
mod display_surface_counter;
mod get_physical_device_properties2;
mod get_surface_capabilities2;
mod google_display_timing;
mod google_surfaceless_query;
mod hdr_metadata;
mod image_compression_control_swapchain;
mod incremental_present;
mod layer_settings;
#[cfg(test)]
mod made_up;
mod only_below;
mod present_id;
mod present_id2;
mod present_mode_fifo_latest_ready;
mod present_timing;
mod present_wait;
mod present_wait2;
mod private_data;
mod shared_presentable_image;
mod surface;
mod surface_maintenance1;
mod surface_protected_capabilities;
pub mod surface_queries;
mod swapchain;
mod swapchain_colorspace;
pub mod swapchain_maintenance1;
mod swapchain_mutable_format;
#[cfg(test)]
mod tests;
mod wayland_surface;

use crate::catalogue::list::List;

/// Every extension that the layer knows: the only place that names them all, in the order of the manifest.
pub static EXTENSIONS: List = List::of(&[
    // Of instances.
    &surface::EXTENSION,
    &wayland_surface::EXTENSION,
    &get_surface_capabilities2::EXTENSION,
    &surface_maintenance1::EXTENSION,
    &surface_protected_capabilities::EXTENSION,
    &layer_settings::EXTENSION,
    &swapchain_colorspace::EXTENSION,
    &display_surface_counter::EXTENSION,
    &google_surfaceless_query::EXTENSION,
    &get_physical_device_properties2::EXTENSION,
    &debug_utils::EXTENSION,
    // Of devices.
    &swapchain::EXTENSION,
    &swapchain_maintenance1::EXTENSION,
    &present_mode_fifo_latest_ready::EXTENSION,
    &present_id::EXTENSION,
    &present_wait::EXTENSION,
    &present_id2::EXTENSION,
    &present_wait2::EXTENSION,
    &calibrated_timestamps::EXTENSION,
    &present_timing::EXTENSION,
    &google_display_timing::EXTENSION,
    &incremental_present::EXTENSION,
    &swapchain_mutable_format::EXTENSION,
    &image_compression_control_swapchain::EXTENSION,
    &device_group::EXTENSION,
    &hdr_metadata::EXTENSION,
    &debug_marker::EXTENSION,
    &private_data::EXTENSION,
    &shared_presentable_image::EXTENSION,
    &display_control::EXTENSION,
    &only_below::EXTENSION,
]);
