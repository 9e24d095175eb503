//! The events of the file, and their arguments, for writer and reader.

use serde::{Deserialize, Serialize};

use super::event::{Made, Waited};
use crate::{
    kernel::sync_file::{FenceInfo, FenceStatus},
    observe::latency::Latency,
    wayland::colour::Volume,
};

/// Raised when an earlier reader would misunderstand the file.
pub(super) const VERSION: u32 = 1;

/// A surface offers no more. Who draws a lane for each must not believe in more.
pub(super) const MOST_IMAGES: u32 = 64;

/// The first event of every trace.
pub(super) const PROCESS: &str = "wayfence";

/// One event of the "Trace Event Format". Times are microseconds.
#[derive(Serialize)]
pub(super) struct TraceEvent<'a, A> {
    pub name: &'a str,
    pub cat: &'static str,
    pub ph: &'static str,
    pub ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dur: Option<f64>,
    pub pid: u32,
    pub tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The scope of an instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s: Option<&'static str>,
    pub args: A,
}

/// An event as it is read: events of other writers have fewer members, or more.
#[derive(Deserialize)]
pub(super) struct ReadEvent {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub ph: String,
    #[serde(default)]
    pub ts: f64,
    #[serde(default)]
    pub dur: f64,
    #[serde(default)]
    pub pid: u32,
    #[serde(default)]
    pub args: serde_json::Value,
}

/// A name for the viewers.
#[derive(Serialize)]
pub(super) struct NameArgs<'a> {
    pub name: &'a str,
}

/// A place for the viewers.
#[derive(Serialize)]
pub(super) struct SortArgs {
    pub sort_index: u32,
}

/// Of [`PROCESS`].
#[derive(Serialize, Deserialize)]
pub(super) struct ProcessArgs {
    pub version: u32,
    pub application: String,
}

/// Of `swapchain`.
#[derive(Serialize, Deserialize)]
pub(super) struct SwapchainArgs {
    pub swapchain: u32,
    #[serde(flatten)]
    pub made: Made,
}

/// Of `hdr metadata`.
#[derive(Serialize, Deserialize)]
pub(super) struct MetadataArgs {
    pub swapchain: u32,
    #[serde(flatten)]
    pub volume: Volume,
}

/// The frame, part of all that follow; alone for `given back` and `discarded`.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct FrameArgs {
    pub swapchain: u32,
    pub frame: u64,
    pub image: u32,
}

/// Of `acquire`, and without a frame of `acquire without an image`.
#[derive(Serialize, Deserialize)]
pub(super) struct AcquireArgs {
    pub swapchain: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u32>,
    #[serde(flatten)]
    pub waited: Waited,
    pub pending: bool,
    pub cpu_waits: u64,
}

/// Of `commit`.
#[derive(Serialize, Deserialize)]
pub(super) struct CommitArgs {
    #[serde(flatten)]
    pub of: FrameArgs,
    /// How long before the commit the driver handed the rendering over.
    pub handed_ns: u64,
    pub paced_ns: u64,
}

/// Of `present`.
#[derive(Serialize, Deserialize)]
pub(super) struct PresentArgs {
    #[serde(flatten)]
    pub of: FrameArgs,
    pub cpu_waits: u64,
}

/// Of `fences of the release` and `fences of the rendering`: twice where they had not signalled at the
/// first look, and then the second counts.
#[derive(Serialize, Deserialize)]
pub(super) struct FencesArgs {
    #[serde(flatten)]
    pub of: FrameArgs,
    pub fences: Vec<FenceArgs>,
}

/// One fence.
#[derive(Serialize, Deserialize)]
pub(super) struct FenceArgs {
    pub driver: String,
    pub timeline: String,
    /// `pending`, `signalled`, or the error with which it failed.
    pub status: String,
    /// When it signalled, by CLOCK_MONOTONIC; 0 while it is pending.
    pub signalled_ns: u64,
}

impl FenceArgs {
    pub(super) fn of(fence: &FenceInfo) -> Self {
        FenceArgs {
            driver: fence.driver_name.clone(),
            timeline: fence.obj_name.clone(),
            status: match fence.status {
                FenceStatus::Pending => "pending".to_owned(),
                FenceStatus::Signalled => "signalled".to_owned(),
                FenceStatus::Failed(errno) => errno.to_string(),
            },
            signalled_ns: match fence.status {
                FenceStatus::Pending => 0,
                _ => fence.timestamp.as_nanos() as u64,
            },
        }
    }
}

/// Of `shown`.
#[derive(Serialize, Deserialize)]
pub(super) struct ShownArgs {
    #[serde(flatten)]
    pub of: FrameArgs,
    /// Nanoseconds from one refresh to the next; 0: unknown.
    pub refresh_ns: u32,
    /// The refresh's number; 0: not counted.
    pub sequence: u64,
    #[serde(flatten)]
    pub latency: Option<Latency>,
}

/// Of `lost`: how much the trace lacks, in all so far.
#[derive(Serialize, Deserialize)]
pub(super) struct LostArgs {
    /// Records that found the ring full.
    pub events: u64,
    /// Sync_files that were not watched.
    pub sync_files: u64,
}

/// The thread on which viewers show the calls of a swapchain.
pub(super) fn calls_lane(swapchain: u32) -> u32 {
    swapchain * 100
}

/// The thread on which viewers show an image: of [`MOST_IMAGES`] at most.
pub(super) fn image_lane(swapchain: u32, image: u32) -> u32 {
    swapchain * 100 + 1 + image
}

pub(super) fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1e3
}

pub(super) fn nanoseconds(us: f64) -> u64 {
    (us * 1e3).round() as u64
}
