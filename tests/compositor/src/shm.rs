//! `wl_shm`: buffers in shared memory, which are never read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use wayland_server::protocol::wl_shm::{self, Format, WlShm};
use wayland_server::protocol::wl_shm_pool::{self, WlShmPool};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, WEnum};

use crate::buffer::{Buffer, BufferId, Memory};
use crate::state::{State, client_id, protocol_error};

const FORMATS: [Format; 2] = [Format::Argb8888, Format::Xrgb8888];

impl GlobalDispatch<WlShm, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<WlShm>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let shm = init.init(resource, ());
        for format in FORMATS {
            shm.format(format);
        }
    }
}

/// The size of a pool.
pub(crate) struct Pool(AtomicI32);

impl Dispatch<WlShm, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        shm: &WlShm,
        request: wl_shm::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_shm::Request::CreatePool { id, size, .. } => {
                init.init(id, Pool(AtomicI32::new(size)));
                if size <= 0 {
                    let message = format!("a pool of {size} bytes");
                    protocol_error(shm, wl_shm::Error::InvalidStride, message);
                }
            }
            other => unreachable!("{other:?}"),
        }
    }
}

impl Dispatch<WlShmPool, Pool> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        resource: &WlShmPool,
        request: wl_shm_pool::Request,
        Pool(pool_size): &Pool,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_shm_pool::Request::CreateBuffer {
                id,
                offset,
                width,
                height,
                stride,
                format,
            } => {
                let number = BufferId(state.new_id());
                let code = match format {
                    WEnum::Value(format) => format.into(),
                    WEnum::Unknown(code) => code,
                };
                let buffer = Buffer {
                    id: number,
                    client: client_id(client),
                    width,
                    height,
                    memory: Memory::Shm {
                        offset,
                        stride,
                        format: code,
                    },
                };
                let resource_of_buffer = init.init(id, Arc::new(buffer));
                state.buffers.insert(number, resource_of_buffer);
                if !FORMATS.map(WEnum::Value).contains(&format) {
                    let message = format!("format {code:#x}");
                    protocol_error(resource, wl_shm::Error::InvalidFormat, message);
                } else if offset < 0
                    || width <= 0
                    || height <= 0
                    || i64::from(stride) < 4 * i64::from(width)
                    || i64::from(offset) + i64::from(stride) * i64::from(height)
                        > i64::from(pool_size.load(Ordering::Relaxed))
                {
                    let message =
                        format!("{width}x{height}, {stride} bytes a row, from {offset} on");
                    protocol_error(resource, wl_shm::Error::InvalidStride, message);
                }
            }
            wl_shm_pool::Request::Resize { size } => {
                // "This request can only be used to make the pool bigger."
                if pool_size.fetch_max(size, Ordering::Relaxed) > size {
                    let message = format!("shrunk to {size} bytes");
                    protocol_error(resource, wl_shm::Error::InvalidFd, message);
                }
            }
            wl_shm_pool::Request::Destroy => {}
            other => unreachable!("{other:?}"),
        }
    }
}
