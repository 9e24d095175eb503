//! What a layer owes to the loader (Vulkan-Loader, `LoaderLayerInterface.md`).
//!
//! All but `real_loader` speaks to the library itself and needs nothing else.

#![allow(missing_docs, reason = "a test binary")]

mod commands;
mod library;
mod names;
mod objects;
mod real_loader;
mod settings;
