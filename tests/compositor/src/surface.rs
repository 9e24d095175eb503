//! `wl_compositor`: surfaces, and their commits.

use std::sync::Arc;

use wayfence::dma_buf::Access;
use wayland_protocols::wp::linux_drm_syncobj::v1::server::wp_linux_drm_syncobj_surface_v1 as syncobj;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::server::zwp_linux_surface_synchronization_v1 as explicit;
use wayland_server::protocol::wl_callback::{self, WlCallback};
use wayland_server::protocol::wl_compositor::{self, WlCompositor};
use wayland_server::protocol::wl_region::{self, WlRegion};
use wayland_server::protocol::wl_surface::{self, WlSurface};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource, WEnum};

use crate::behaviour::Behaviour;
use crate::buffer::Buffer;
use crate::clock::Clock;
use crate::commit::{Attached, Commit, Fences, Rectangle, Synchronisation};
use crate::frame::{Frame, ReleaseBy};
use crate::ids::SurfaceId;
use crate::release::With;
use crate::state::{State, client_id, protocol_error};
use crate::surface_state::{Pending, PendingBuffer, Role, Surface};

global!(WlCompositor);

impl Dispatch<WlCompositor, ()> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        _: &WlCompositor,
        request: wl_compositor::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_compositor::Request::CreateSurface { id } => {
                let number = SurfaceId(state.new_id());
                let resource = init.init(id, number);
                let surface = Surface::new(number, client_id(client), resource);
                state.surfaces.insert(number, surface);
            }
            wl_compositor::Request::CreateRegion { id } => {
                init.init(id, ());
            }
            other => unreachable!("{other:?}"),
        }
    }
}

/// Regions are accepted and ignored: there is no pointer.
impl Dispatch<WlRegion, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WlRegion,
        _: wl_region::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

impl Dispatch<WlCallback, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &WlCallback,
        request: wl_callback::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        unreachable!("{request:?}");
    }
}

impl Dispatch<WlSurface, SurfaceId> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &WlSurface,
        request: wl_surface::Request,
        id: &SurfaceId,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wl_surface::{Error, Request};
        let surface = state
            .surfaces
            .get_mut(id)
            .expect("a wl_surface has its state until it is destroyed");
        let pending = &mut surface.pending;
        match request {
            Request::Attach { buffer, x, y } => {
                // "When the bound wl_surface version is 5 or higher, passing any non-zero x or y is a
                // protocol violation, and will result in an 'invalid_offset' error being raised."
                if resource.version() >= 5 {
                    if (x, y) != (0, 0) {
                        protocol_error(resource, Error::InvalidOffset, "attach with an offset");
                        return;
                    }
                } else {
                    pending.offset = (x, y);
                }
                pending.attached = match buffer {
                    None => PendingBuffer::Null,
                    Some(wl_buffer) => {
                        let buffer: &Arc<Buffer> =
                            wl_buffer.data().expect("every wl_buffer has a buffer");
                        PendingBuffer::Buffer(Arc::clone(buffer), wl_buffer.clone())
                    }
                };
            }
            Request::Offset { x, y } => pending.offset = (x, y),
            Request::Damage {
                x,
                y,
                width,
                height,
            } => pending.damage.push(Rectangle {
                x,
                y,
                width,
                height,
            }),
            Request::DamageBuffer {
                x,
                y,
                width,
                height,
            } => pending.buffer_damage.push(Rectangle {
                x,
                y,
                width,
                height,
            }),
            Request::Frame { callback } => pending.callbacks.push(init.init(callback, ())),
            Request::SetBufferScale { scale } => {
                if scale < 1 {
                    let message = format!("a scale of {scale}");
                    protocol_error(resource, Error::InvalidScale, message);
                    return;
                }
                pending.lasting.scale = scale;
            }
            Request::SetBufferTransform { transform } => match transform {
                WEnum::Value(transform) => pending.lasting.transform = transform.into(),
                WEnum::Unknown(transform) => {
                    let message = format!("transform {transform}");
                    protocol_error(resource, Error::InvalidTransform, message);
                }
            },
            Request::Commit => state.commit(*id),
            Request::Destroy => {
                // "A client must destroy its role object before the wl_surface."
                if matches!(&surface.role, Some(Role::Xdg(xdg)) if xdg.is_alive()) {
                    let message = "destroyed before its role object";
                    protocol_error(resource, Error::DefunctRoleObject, message);
                }
            }
            Request::SetOpaqueRegion { .. } | Request::SetInputRegion { .. } => {}
            other => unreachable!("{other:?}"),
        }
    }

    fn destroyed(
        state: &mut Self,
        _: wayland_server::backend::ClientId,
        _: &WlSurface,
        id: &SurfaceId,
    ) {
        let surface = state.surfaces.remove(id);
        // "the user did not see the content update because it was superseded or its surface destroyed,
        // and the content update is discarded" (presentation-time.xml).
        for feedback in surface
            .into_iter()
            .flat_map(|surface| surface.pending.feedbacks)
        {
            feedback.discarded();
        }
        let frames: Vec<u64> = state.frames_of(*id).collect();
        for serial in frames {
            state.discard(serial);
            if let Some(frame) = state.frames.get_mut(&serial) {
                frame.callbacks.clear();
            }
            // Nothing is shown any more; of a compositor that a test scripts, the test says so.
            if matches!(state.behaviour, Behaviour::Automatic { .. }) {
                let _ = state.release(serial, With::nothing());
            }
            state.forget_settled(serial);
        }
    }
}

impl State {
    /// `wl_surface.commit`.
    fn commit(&mut self, id: SurfaceId) {
        let surface = self.surfaces.get_mut(&id).expect("it was just asked for");
        let pending = surface.take_pending();
        if surface.check(&pending).is_err() {
            // The client is dead: nothing of this happened.
            return;
        }
        let initial = surface.commit_role(&pending);
        let configured = surface.acknowledged();
        match &pending.attached {
            PendingBuffer::Nothing => {}
            PendingBuffer::Null => surface.current.buffer = None,
            PendingBuffer::Buffer(buffer, _) => surface.current.buffer = Some(Arc::clone(buffer)),
        }
        let client = surface.client;

        self.committed += 1;
        let serial = self.committed;
        let Pending {
            attached,
            offset,
            damage,
            buffer_damage,
            callbacks,
            acquire_fence,
            release,
            acquire_point,
            release_point,
            feedbacks,
            pacing,
            lasting,
        } = pending;
        let synchronisation = match (acquire_point, &release_point) {
            (Some(acquire), Some(release)) => {
                let (available, fence) = acquire.look();
                Synchronisation::Syncobj {
                    acquire,
                    release: release.clone(),
                    available,
                    fence: fence.map(Arc::new),
                }
            }
            _ if acquire_fence.is_some() || release.is_some() => Synchronisation::Explicit {
                acquire: acquire_fence.map(Arc::new),
                release: release.is_some(),
            },
            _ => Synchronisation::Implicit,
        };
        let snapshot = |access| match &attached {
            PendingBuffer::Buffer(buffer, _) => buffer
                .image()
                .map(|image| image.planes[0].dma_buf.export_sync_file(access)),
            PendingBuffer::Nothing | PendingBuffer::Null => None,
        };
        let fences = Arc::new(Fences {
            synchronisation,
            writers: snapshot(Access::Read),
            all: snapshot(Access::Write),
        });
        let (attached, buffer) = match attached {
            PendingBuffer::Nothing => (Attached::Nothing, None),
            PendingBuffer::Null => (Attached::Null, None),
            PendingBuffer::Buffer(buffer, wl_buffer) => (
                Attached::Buffer(Arc::clone(&buffer)),
                Some((buffer, wl_buffer)),
            ),
        };
        let commit = Commit {
            serial,
            client,
            surface: id,
            at: Clock::Monotonic.now(),
            still_held: buffer
                .as_ref()
                .is_some_and(|(buffer, _)| self.holds(buffer)),
            attached,
            offset,
            damage,
            buffer_damage,
            scale: lasting.scale,
            transform: lasting.transform,
            viewport: lasting.viewport,
            frame_callbacks: callbacks.len(),
            feedbacks: feedbacks.len(),
            pacing,
            tearing: lasting.tearing,
            colour: lasting.colour,
            configured,
            fences: Arc::clone(&fences),
        };
        let frame = Frame {
            surface: id,
            buffer,
            release: match (release, release_point) {
                (Some(release), _) => ReleaseBy::Explicit(release),
                (None, Some(point)) => ReleaseBy::Syncobj(point),
                (None, None) => ReleaseBy::Implicit,
            },
            released: false,
            replaces_content: !matches!(commit.attached, Attached::Nothing),
            feedbacks,
            callbacks,
            pacing,
            fences,
        };
        self.frames.insert(serial, frame);
        self.commits.push_back(commit);
        self.committed(id, serial);
        if initial {
            self.configure(id, 0, 0);
        }
    }

    /// The commits of a surface for which something is owed, oldest first.
    pub fn frames_of(&self, surface: SurfaceId) -> impl Iterator<Item = u64> + '_ {
        self.frames
            .iter()
            .filter(move |(_, frame)| frame.surface == surface)
            .map(|(serial, _)| *serial)
    }

    /// Answers the frame callbacks of all commits that are in force.
    pub fn frame_done(&mut self, id: SurfaceId) {
        // "the callback_data passed in the callback is the current time, in milliseconds, with an
        // undefined base" (wayland.xml).
        let now = Clock::Monotonic.now().as_millis() as u32;
        if let Some(surface) = self.surfaces.get_mut(&id) {
            for callback in surface.callbacks.drain(..) {
                callback.done(now);
            }
        }
    }
}

/// The client has been ended with an error.
pub(crate) struct Ended;

impl Surface {
    /// Everything that a protocol says of the moment of a commit.
    fn check(&self, pending: &Pending) -> Result<(), Ended> {
        self.check_role(pending)?;
        self.check_size(pending)?;
        self.check_viewport(pending)?;
        self.check_explicit(pending)?;
        self.check_syncobj(pending)
    }

    /// "If wl_surface.set_buffer_scale […] the buffer size must be an integer multiple of the
    /// buffer_scale" (wl_surface.error.invalid_size).
    fn check_size(&self, pending: &Pending) -> Result<(), Ended> {
        let Some(buffer) = pending.buffer_in_force(self.current.buffer.as_ref()) else {
            return Ok(());
        };
        let scale = pending.lasting.scale;
        if buffer.width % scale != 0 || buffer.height % scale != 0 {
            let message = format!(
                "a buffer of {}x{} at scale {scale}",
                buffer.width, buffer.height
            );
            protocol_error(&self.resource, wl_surface::Error::InvalidSize, message);
            return Err(Ended);
        }
        Ok(())
    }

    fn check_explicit(&self, pending: &Pending) -> Result<(), Ended> {
        let Some(resource) = &self.extensions.explicit else {
            return Ok(());
        };
        if pending.acquire_fence.is_none() && pending.release.is_none() {
            return Ok(());
        }
        match pending.buffer() {
            None => {
                let message = "a fence or a release, and no buffer attached";
                protocol_error(resource, explicit::Error::NoBuffer, message);
                Err(Ended)
            }
            Some(buffer) if buffer.image().is_none() => {
                let message = "shared memory has no fences";
                protocol_error(resource, explicit::Error::UnsupportedBuffer, message);
                Err(Ended)
            }
            Some(_) => Ok(()),
        }
    }

    fn check_syncobj(&self, pending: &Pending) -> Result<(), Ended> {
        let Some(resource) = &self.extensions.syncobj else {
            return Ok(());
        };
        let (acquire, release) = (&pending.acquire_point, &pending.release_point);
        let (error, message) = match (pending.buffer(), acquire, release) {
            (None, None, None) => return Ok(()),
            (None, ..) => (syncobj::Error::NoBuffer, "a point, and no buffer attached"),
            (Some(buffer), ..) if buffer.image().is_none() => (
                syncobj::Error::UnsupportedBuffer,
                "shared memory has no fences",
            ),
            (Some(_), None, _) => (syncobj::Error::NoAcquirePoint, "no acquire point"),
            (Some(_), Some(_), None) => (syncobj::Error::NoReleasePoint, "no release point"),
            (Some(_), Some(acquire), Some(release)) => {
                // "If at surface commit time the acquire and release DRM syncobj timelines are
                // identical, the acquire point value must be strictly less than the release point
                // value".
                if !acquire.same_timeline(release) || acquire.value < release.value {
                    return Ok(());
                }
                (
                    syncobj::Error::ConflictingPoints,
                    "the release point is not after the acquire point",
                )
            }
        };
        protocol_error(resource, error, message);
        Err(Ended)
    }
}
