//! From a handle to an object, and the entry points that are about objects rather than frames.

pub mod aliases;
pub mod answer;
pub mod dispatch;
pub mod features;
pub mod handles;
pub mod surface_queries;
pub mod surfaces;
pub mod swapchains;
