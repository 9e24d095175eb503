//! `wl_buffer`: what clients attach to their surfaces.

use wayfence::dma_buf::DmaBuf;

use crate::ids::ClientId;

/// A `wl_buffer`, numbered in the order of their creation over all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub(crate) u64);

/// What a `wl_buffer` stands for. The memory lives as long as this, even when the `wl_buffer` is gone.
#[derive(Debug)]
pub struct Buffer {
    /// Which one.
    pub id: BufferId,
    /// Whose.
    pub client: ClientId,
    /// Pixels across.
    pub width: i32,
    /// Pixels down.
    pub height: i32,
    /// Where the pixels are.
    pub memory: Memory,
}

/// Where a buffer's pixels are.
#[derive(Debug)]
pub enum Memory {
    /// From `zwp_linux_dmabuf_v1`.
    DmaBuf(Image),
    /// From `wl_shm`.
    Shm {
        /// Bytes from the start of the pool.
        offset: i32,
        /// Bytes from row to row.
        stride: i32,
        /// `wl_shm.format`.
        format: u32,
    },
}

/// The dma-bufs of a buffer and their layout.
#[derive(Debug)]
pub struct Image {
    /// `DRM_FORMAT_…`.
    pub fourcc: u32,
    /// `DRM_FORMAT_MOD_…`, the same for all planes.
    pub modifier: u64,
    /// `zwp_linux_buffer_params_v1.flags`.
    pub flags: u32,
    /// The planes, in order.
    pub planes: Vec<Plane>,
}

/// One memory plane.
#[derive(Debug)]
pub struct Plane {
    /// The descriptor that the client sent.
    pub dma_buf: DmaBuf,
    /// Bytes from the start of the dma-buf.
    pub offset: u32,
    /// Bytes from row to row.
    pub stride: u32,
}

impl Buffer {
    /// The dma-bufs and their layout; `None` for shared memory.
    pub fn image(&self) -> Option<&Image> {
        match &self.memory {
            Memory::DmaBuf(image) => Some(image),
            Memory::Shm { .. } => None,
        }
    }
}
