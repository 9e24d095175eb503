//! What requests have gathered, before a commit or the making of a buffer takes it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::sync_file::SyncFile;

use super::mirror::Mirror;
use super::seen::{Buffer, Commit, Way};

/// All of it, of one connection.
#[derive(Default)]
pub struct Pending {
    /// Of each `zwp_linux_buffer_params_v1`, its planes.
    pub planes: HashMap<u32, Vec<PlaneOf>>,
    /// Of those whose buffer the compositor has still to make, its DRM format.
    pub asked: HashMap<u32, u32>,
    /// The buffers.
    pub buffers: HashMap<u32, Arc<Buffer>>,
    /// The timelines.
    pub timelines: HashMap<u32, Arc<Mirror>>,
    /// The buffers of which a `zwp_linux_buffer_release_v1` tells.
    pub tellers: HashMap<u32, u32>,
    /// Of the next commit.
    pub next: Next,
}

/// A plane.
pub struct PlaneOf {
    /// Its memory.
    pub fd: OwnedFd,
    /// The bytes of a row.
    pub stride: u32,
    /// The DRM format modifier, which all planes share.
    pub modifier: u64,
}

/// A point of a timeline.
pub type Point = (Arc<Mirror>, u64);

/// What the next commit takes.
#[derive(Default)]
pub struct Next {
    /// The buffer.
    pub attached: Option<u32>,
    /// The sync_file that goes with it.
    pub fence: Option<OwnedFd>,
    /// The point before which the compositor does not read.
    pub acquire: Option<Point>,
    /// The point at which it lets go.
    pub release: Option<Point>,
    /// The object that tells of that.
    pub teller: Option<u32>,
    /// The surface is synchronised by points, or by sync_files.
    pub way: Option<Way>,
}

impl Pending {
    /// A buffer of these planes.
    pub fn make(&mut self, params: u32, buffer: u32, fourcc: u32) {
        let planes = self.planes.remove(&params).unwrap_or_default();
        let strides = planes.iter().map(|plane| plane.stride).collect();
        if let Some(first) = planes.into_iter().next() {
            let buffer_of = Buffer {
                dma_buf: DmaBuf::from(first.fd),
                fourcc,
                modifier: first.modifier,
                strides,
            };
            self.buffers.insert(buffer, Arc::new(buffer_of));
        }
    }

    /// The commit that takes what was gathered, as it is in this moment; `None` if it shows no other buffer.
    pub fn commit(&mut self) -> Option<(Commit, Option<Point>)> {
        let way = self.next.way;
        let next = std::mem::take(&mut self.next);
        self.next.way = way;
        let number = next.attached?;
        let buffer = self.buffers.get(&number).cloned();
        if let Some(teller) = next.teller {
            self.tellers.insert(teller, number);
        }
        let (way, fence) = match (next.acquire, next.fence) {
            (Some((mirror, point)), _) => (
                Way::Syncobj,
                mirror.acquire(point).map_err(|error| error.to_string()),
            ),
            (None, Some(fence)) => (Way::Explicit, Ok(SyncFile::from(fence))),
            (None, None) => {
                let on_it = match &buffer {
                    Some(buffer) => buffer
                        .dma_buf
                        .export_sync_file(Access::Read)
                        .map_err(|error| error.to_string()),
                    None => Err("the buffer is no dma-buf".to_owned()),
                };
                (way.unwrap_or(Way::Implicit), on_it)
            }
        };
        let was_pending = fence
            .as_ref()
            .is_ok_and(|fence| fence.is_signalled().is_ok_and(|signalled| !signalled));
        let commit = Commit {
            number,
            buffer,
            way,
            fence,
            was_pending,
        };
        Some((commit, next.release))
    }
}
