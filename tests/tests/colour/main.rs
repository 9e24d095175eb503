//! Colour spaces and HDR metadata: what is offered, what the compositor is told, and what happens where it
//! refuses.

#![allow(missing_docs, reason = "a test binary")]

mod metadata;
mod offer;
mod one_object;
mod play;
mod refusal;
