//! From a handle to its object ([`dispatch`], [`answer`]), and the entry points about surfaces, swapchains, aliases
//! and semaphores.
//!
//! Each call of a frame passes [`answer`], which finds the swapchain, or sends the call down if it is the driver's.
//! Knows `swapchain` and what that knows.

pub mod aliases;
pub mod answer;
pub mod dispatch;
pub mod features;
pub mod handles;
pub mod semaphores;
pub mod surfaces;
pub mod swapchains;
