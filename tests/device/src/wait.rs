//! What a submission waits for, and signals.

use bytemuck::AnyBitPattern;
use serde::Serialize;

use crate::call;

/// For whose fences on a buffer a submission waits, by the kernel's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// For nobody's.
    Nobody,
    /// For those of writers.
    Writers,
    /// For those of readers and writers.
    Everybody,
    /// For those of readers and writers that are not of this file. If there is one beside pending ones of
    /// this file, both are waited for, as they cannot be taken apart.
    EverybodyElse,
}

/// A syncobj, or a point of one.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// Its handle.
    pub syncobj: u32,
    /// The point; 0: the syncobj is a binary one.
    pub point: u64,
}

/// The points in an array of a driver's structures for them.
///
/// # Safety
/// As of [`call::array`].
pub unsafe fn points<T: AnyBitPattern + Into<Point>>(
    address: u64,
    count: u32,
    stride: usize,
) -> Vec<Point> {
    // SAFETY: by the caller's word.
    let named: Vec<T> = unsafe { call::array(address, count, stride) };
    named.into_iter().map(Into::into).collect()
}
