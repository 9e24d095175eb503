//! What threads do to the images of a swapchain, in every order that a model checker tries: `images`, and the turns at
//! the display's socket, compiled anew with the locks of `shuttle`, on a compositor and a kernel that are lists.
//!
//! `cycle` itself has too many objects of Wayland's; its acquire, its present and its end are played in the order in
//! which it calls `images`.

#![allow(clippy::duplicate_mod, reason = "that is how they get other locks")]

mod sync {
    pub(super) use shuttle::sync::{Condvar, Mutex};
    pub(super) use std::sync::PoisonError;

    pub(super) use super::lock::lock;
}

mod parts {
    pub(super) use super::{
        kernel::{Counted, Synchronisation},
        lock::lock,
    };
    pub(super) use shuttle::sync::Mutex;
}

#[allow(dead_code, reason = "the trace is off")]
#[path = "../images.rs"]
mod images;
#[allow(dead_code, reason = "nobody presents without an acquire")]
#[path = "../../wayland/turns.rs"]
mod turns;

mod display;
mod kernel;
mod lock;
mod stories;

use super::state;
