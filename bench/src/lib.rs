//! The benchmark: the layer against the driver's own swapchains, in turn on the same machine.
//!
//! `wayfence-bench` (`scripts/bench`) runs applications again and again, now on the layer, now on the driver's
//! own swapchains ([`side`]). Above both stands a layer that measures, the meter (`meter/`), and leaves a
//! [`measurement`] of each run. Runs for times do nothing else; runs for heap allocations preload the meter,
//! and in runs for system calls it starts strace ([`strace`]). From the stacks of these two [`share`] tells
//! whose an allocation or a system call is. [`figures`] come from all that, for the [`table`], the [`claims`],
//! the [`plot`] and the comparison with a [`baseline`].

pub mod application;
pub mod baseline;
pub mod benchmark;
pub mod claims;
pub mod figures;
pub mod film;
pub mod hidden;
pub mod measurement;
pub mod outcome;
pub mod plot;
pub mod share;
pub mod side;
pub mod statistics;
pub mod strace;
pub mod table;
