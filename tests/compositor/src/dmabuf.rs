//! `zwp_linux_dmabuf_v1`: buffers from dma-bufs.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use drm_fourcc::DrmFourcc;
use rustix::fs::{SeekFrom, seek};
use wayfence::dma_buf::DmaBuf;
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_buffer_params_v1::{
    self, Error, ZwpLinuxBufferParamsV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_v1::{
    self, ZwpLinuxDmabufV1,
};
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};

use crate::buffer::{Buffer, BufferId, Image, Memory, Plane};
use crate::feedback_objects::FeedbackOf;
use crate::format::Format;
use crate::imports::Imports;
use crate::state::{State, client_id, protocol_error, surface_id};

/// As many as DRM knows (`DRM_FORMAT_MAX_PLANES` of AddFB2 is 4).
const MOST_PLANES: usize = 4;

impl GlobalDispatch<ZwpLinuxDmabufV1, ()> for State {
    fn bind(
        state: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<ZwpLinuxDmabufV1>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let dmabuf = init.init(resource, ());
        // "Starting version 4, the format event is deprecated and must not be sent by compositors."
        if dmabuf.version() >= 4 {
            return;
        }
        let mut named = Vec::new();
        for Format { fourcc, modifier } in state.offer.formats.iter().copied() {
            if !named.contains(&fourcc) {
                named.push(fourcc);
                dmabuf.format(fourcc);
            }
            if dmabuf.version() >= 3 {
                dmabuf.modifier(fourcc, (modifier >> 32) as u32, modifier as u32);
            }
        }
    }
}

impl Dispatch<ZwpLinuxDmabufV1, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &ZwpLinuxDmabufV1,
        request: zwp_linux_dmabuf_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use zwp_linux_dmabuf_v1::Request;
        let (object, surface) = match request {
            Request::CreateParams { params_id } => {
                init.init(params_id, Mutex::new(Params::default()));
                return;
            }
            Request::GetDefaultFeedback { id } => (id, None),
            Request::GetSurfaceFeedback { id, surface } => (id, Some(surface_id(&surface))),
            Request::Destroy => return,
            other => unreachable!("{other:?}"),
        };
        let object = init.init(object, FeedbackOf(surface));
        state.feedback.send(&object);
        state.feedback_objects.push(object);
    }
}

/// The planes that a client has added so far.
#[derive(Default)]
pub(crate) struct Params {
    planes: [Option<Added>; MOST_PLANES],
    used: bool,
}

struct Added {
    fd: OwnedFd,
    offset: u32,
    stride: u32,
    modifier: u64,
}

/// What `create` and `create_immed` ask for.
struct Wanted {
    width: i32,
    height: i32,
    fourcc: u32,
    flags: u32,
}

/// Why there is no buffer.
enum Failure {
    /// The client broke the rules.
    Error(Error, String),
    /// The import failed.
    Import(String),
}

impl Dispatch<ZwpLinuxBufferParamsV1, Mutex<Params>> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        resource: &ZwpLinuxBufferParamsV1,
        request: zwp_linux_buffer_params_v1::Request,
        params: &Mutex<Params>,
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use zwp_linux_buffer_params_v1::Request;
        let mut params = params.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Request::Add {
                fd,
                plane_idx,
                offset,
                stride,
                modifier_hi,
                modifier_lo,
            } => {
                let added = Added {
                    fd,
                    offset,
                    stride,
                    modifier: u64::from(modifier_hi) << 32 | u64::from(modifier_lo),
                };
                if let Err((error, message)) = params.add(plane_idx, added) {
                    protocol_error(resource, error, message);
                }
            }
            Request::Create {
                width,
                height,
                format,
                flags,
            } => {
                let wanted = Wanted {
                    width,
                    height,
                    fourcc: format,
                    flags: bits(flags),
                };
                match state.import(client, resource.version(), &mut params, wanted) {
                    Ok(_) if state.imports == Imports::Unanswered => {}
                    Ok(buffer) if state.imports == Imports::Later => {
                        state.unanswered.push((resource.clone(), buffer));
                    }
                    Ok(buffer) => state.created(client, display, resource, buffer),
                    Err(Failure::Error(error, message)) => {
                        protocol_error(resource, error, message);
                    }
                    Err(Failure::Import(_)) => resource.failed(),
                }
            }
            Request::CreateImmed {
                buffer_id,
                width,
                height,
                format,
                flags,
            } => {
                let wanted = Wanted {
                    width,
                    height,
                    fourcc: format,
                    flags: bits(flags),
                };
                match state.import(client, resource.version(), &mut params, wanted) {
                    Ok(buffer) => {
                        let id = buffer.id;
                        state
                            .buffers
                            .insert(id, init.init(buffer_id, Arc::new(buffer)));
                    }
                    Err(Failure::Error(error, message)) => {
                        protocol_error(resource, error, message);
                    }
                    Err(Failure::Import(message)) => {
                        protocol_error(resource, Error::InvalidWlBuffer, message);
                    }
                }
            }
            Request::Destroy => {
                let mut unanswered = state.unanswered.iter();
                if let Some(at) = unanswered.position(|(params, _)| params == resource) {
                    let (_, buffer) = state.unanswered.remove(at);
                    state.created(client, display, resource, buffer);
                }
            }
            other => unreachable!("{other:?}"),
        }
    }
}

fn bits(flags: WEnum<zwp_linux_buffer_params_v1::Flags>) -> u32 {
    match flags {
        WEnum::Value(flags) => flags.bits(),
        WEnum::Unknown(flags) => flags,
    }
}

impl Params {
    fn add(&mut self, index: u32, added: Added) -> Result<(), (Error, String)> {
        if self.used {
            return Err((Error::AlreadyUsed, "add after create".to_owned()));
        }
        match self.planes.get_mut(index as usize) {
            None => Err((Error::PlaneIdx, format!("plane {index}"))),
            Some(Some(_)) => Err((Error::PlaneSet, format!("plane {index} twice"))),
            Some(free) => {
                *free = Some(added);
                Ok(())
            }
        }
    }
}

impl State {
    /// Answers what had no answer.
    pub fn answer_imports(&mut self) -> usize {
        let display = self.display.clone();
        let unanswered = std::mem::take(&mut self.unanswered);
        let answered = unanswered.into_iter().filter_map(|(resource, buffer)| {
            self.created(&resource.client()?, &display, &resource, buffer);
            Some(())
        });
        answered.count()
    }

    /// Answers `create`.
    fn created(
        &mut self,
        client: &Client,
        display: &DisplayHandle,
        resource: &ZwpLinuxBufferParamsV1,
        buffer: Buffer,
    ) {
        let id = buffer.id;
        let created = client.create_resource::<WlBuffer, _, Self>(display, 1, Arc::new(buffer));
        // Only a dead client has no room for an object.
        if let Ok(buffer) = created {
            resource.created(&buffer);
            self.buffers.insert(id, buffer);
        }
    }

    /// Makes a buffer of the planes, by the rules of this version.
    fn import(
        &mut self,
        client: &Client,
        version: u32,
        params: &mut Params,
        wanted: Wanted,
    ) -> Result<Buffer, Failure> {
        let error = |error, message: String| Err(Failure::Error(error, message));
        if std::mem::replace(&mut params.used, true) {
            return error(Error::AlreadyUsed, "a second create".to_owned());
        }
        let Wanted {
            width,
            height,
            fourcc,
            flags,
        } = wanted;
        if width < 1 || height < 1 {
            return error(Error::InvalidDimensions, format!("{width}x{height}"));
        }
        let planes: Vec<Added> = std::mem::take(&mut params.planes)
            .into_iter()
            .map_while(|plane| plane)
            .collect();
        let Some(modifier) = planes.first().map(|plane| plane.modifier) else {
            return error(Error::Incomplete, "no plane 0".to_owned());
        };
        if planes.iter().any(|plane| plane.modifier != modifier) && version >= 5 {
            return error(Error::InvalidFormat, "planes with two modifiers".to_owned());
        }
        let format = Format { fourcc, modifier };
        // Formats are accepted that clients were sent, now or at first.
        let mut known = self
            .feedback
            .tranches
            .iter()
            .flat_map(|tranche| &tranche.formats)
            .chain(&self.offer.formats);
        if !known.clone().any(|other| other.fourcc == fourcc) {
            return error(Error::InvalidFormat, format!("format {fourcc:#010x}"));
        }
        if !known.any(|other| *other == format) {
            let message = format!("format {fourcc:#010x} with modifier {modifier:#018x}");
            // "Starting from version 4, the invalid_format protocol error is sent if the format + modifier
            // pair was not advertised as supported."
            return match version {
                ..4 => Err(Failure::Import(message)),
                _ => error(Error::InvalidFormat, message),
            };
        }
        let layout = layout(fourcc);
        // A modifier may add planes (of compression data); plain layouts have those of the format.
        let plain = [Format::LINEAR, Format::INVALID].contains(&modifier);
        if planes.len() < layout.len() || plain && planes.len() != layout.len() {
            let message = format!("{} planes instead of {}", planes.len(), layout.len());
            return error(Error::Incomplete, message);
        }
        for (plane, rows) in planes.iter().zip(layout) {
            // "offset + stride * height goes out of dmabuf bounds"; lseek gives the size of a dma-buf; a file
            // that cannot seek is left to the import.
            let size = seek(&plane.fd, SeekFrom::End(0)).unwrap_or(u64::MAX);
            let rows_of_plane = (height as u64).div_ceil(rows.subsampling);
            let end = u64::from(plane.offset) + u64::from(plane.stride) * rows_of_plane;
            let columns = (width as u64).div_ceil(rows.subsampling);
            let too_narrow = modifier == Format::LINEAR
                && u64::from(plane.stride) < columns * rows.bytes_per_column;
            if end > size || too_narrow {
                let message = format!(
                    "{width}x{height}, {} bytes a row, from {} on in {size} bytes",
                    plane.stride, plane.offset
                );
                return error(Error::OutOfBounds, message);
            }
        }
        match self.imports {
            Imports::Proper | Imports::Unanswered | Imports::Later => {}
            Imports::Refused => return Err(Failure::Import("the test says so".to_owned())),
            Imports::PitchOf(bytes) => {
                if let Some(plane) = planes.iter().find(|plane| plane.stride % bytes != 0) {
                    let message = format!("{} bytes a row", plane.stride);
                    return Err(Failure::Import(message));
                }
            }
        }
        let id = BufferId(self.new_id());
        Ok(Buffer {
            id,
            client: client_id(client),
            width,
            height,
            memory: Memory::DmaBuf(Image {
                fourcc,
                modifier,
                flags,
                planes: planes
                    .into_iter()
                    .map(|plane| Plane {
                        dma_buf: DmaBuf::from(plane.fd),
                        offset: plane.offset,
                        stride: plane.stride,
                    })
                    .collect(),
            }),
        })
    }
}

/// The rows of one plane of a format.
#[derive(Clone, Copy)]
struct Rows {
    /// One row of the plane for so many rows of the image, and so for columns.
    subsampling: u64,
    /// Bytes for one column of the plane.
    bytes_per_column: u64,
}

impl Rows {
    const fn new(subsampling: u64, bytes_per_column: u64) -> Self {
        Self {
            subsampling,
            bytes_per_column,
        }
    }
}

/// The planes of a format in a plain layout.
fn layout(fourcc: u32) -> &'static [Rows] {
    const TWO: &[Rows] = &[Rows::new(1, 1), Rows::new(2, 2)];
    const TWO_DEEP: &[Rows] = &[Rows::new(1, 2), Rows::new(2, 4)];
    const THREE: &[Rows] = &[Rows::new(1, 1), Rows::new(2, 1), Rows::new(2, 1)];
    match DrmFourcc::try_from(fourcc) {
        Ok(DrmFourcc::Nv12 | DrmFourcc::Nv21) => TWO,
        Ok(DrmFourcc::P010) => TWO_DEEP,
        Ok(DrmFourcc::Yuv420 | DrmFourcc::Yvu420) => THREE,
        Ok(DrmFourcc::Rgb888 | DrmFourcc::Bgr888) => const { &[Rows::new(1, 3)] },
        _ => match &fourcc.to_le_bytes()[2..] {
            b"48" | b"4H" => const { &[Rows::new(1, 8)] },
            b"16" | b"15" | b"12" => const { &[Rows::new(1, 2)] },
            b"24" | b"30" => const { &[Rows::new(1, 4)] },
            // Of others only the rows are known.
            _ => const { &[Rows::new(1, 0)] },
        },
    }
}
