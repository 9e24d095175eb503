//! Both directions of the connection, a thread each.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;
use wayfence::syncobj::Node;

use super::address;
use super::message::Message;
use super::mirror::Mirror;
use super::objects::{Known, Objects, Side, global};
use super::pending::{Pending, PlaneOf};
use super::seen::{Seen, Way};
use super::socket::{receive, send};

/// `wp_presentation_feedback.kind`.
const ZERO_COPY: u32 = 0x8;
/// `zwp_linux_buffer_release_v1.fenced_release`.
const FENCED_RELEASE: u16 = 0;

/// Connects to the session's compositor. Answers the window's end of the connection, and what passes.
///
/// # Errors
/// Why there is no compositor, for people.
pub fn open() -> Result<(UnixStream, Arc<Seen>), String> {
    let compositor = address::connect()?;
    let failed = |error: io::Error| format!("a pair of sockets: {error}");
    let (window, ours) = UnixStream::pair().map_err(failed)?;
    let seen = Arc::new(Seen::default());
    let relay = Arc::new(Relay {
        state: Mutex::new(State {
            objects: Objects::new(),
            pending: Pending::default(),
            node: Node::any().map_err(|error| error.to_string()),
        }),
        seen: Arc::clone(&seen),
    });
    for (side, from, to) in [
        (Side::Client, &ours, &compositor),
        (Side::Compositor, &compositor, &ours),
    ] {
        let relay = Arc::clone(&relay);
        let from = from.try_clone().map_err(failed)?;
        let to = to.try_clone().map_err(failed)?;
        thread::spawn(move || {
            if let Err(error) = relay.run(side, &from, &to) {
                relay.seen.broke(error);
            }
            for socket in [from, to] {
                let _ = socket.shutdown(Shutdown::Both);
            }
        });
    }
    Ok((window, seen))
}

struct Relay {
    state: Mutex<State>,
    seen: Arc<Seen>,
}

struct State {
    objects: Objects,
    pending: Pending,
    /// Where the timelines are read.
    node: Result<Node, String>,
}

/// What is passed on.
struct Passed {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Relay {
    /// Passes on what one side sends, until it ends.
    fn run(&self, side: Side, from: &UnixStream, to: &UnixStream) -> Result<(), String> {
        let (mut bytes, mut fds) = (Vec::new(), VecDeque::new());
        loop {
            let length = receive(from, &mut bytes, &mut fds);
            if length.map_err(|error| format!("{side:?}: {error}"))? == 0 {
                return Err(match side {
                    Side::Client => "the window's connection has ended".to_owned(),
                    Side::Compositor => "the compositor has ended the connection".to_owned(),
                });
            }
            let mut done = 0;
            while let Some(message) = Message::first(&bytes[done..])? {
                done += message.bytes.len();
                if let Some(passed) = self.pass(side, &message, &mut fds)? {
                    send(to, &passed.bytes, &passed.fds)
                        .map_err(|error| format!("{side:?}: {error}"))?;
                }
            }
            bytes.drain(..done);
        }
    }

    /// What becomes of a message: `None` if it goes no further.
    fn pass(
        &self,
        side: Side,
        message: &Message<'_>,
        fds: &mut VecDeque<OwnedFd>,
    ) -> Result<Option<Passed>, String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.objects.understand(side, message)?;
        if fds.len() < known.fds {
            return Err(format!("{}.{}: no descriptor", known.interface, known.name));
        }
        let mut passed = Passed {
            bytes: message.bytes.to_vec(),
            fds: fds.drain(..known.fds).collect(),
        };
        let failed = |error: String| format!("{}.{}: {error}", known.interface, known.name);
        match side {
            Side::Client => self
                .request(&mut state, message.object, &known, &mut passed)
                .map_err(failed)?,
            Side::Compositor => {
                if !self
                    .event(&mut state, message, &known, &mut passed)
                    .map_err(failed)?
                {
                    return Ok(None);
                }
            }
        }
        Ok(Some(passed))
    }

    fn request(
        &self,
        state: &mut State,
        object: u32,
        known: &Known,
        passed: &mut Passed,
    ) -> Result<(), String> {
        let number = |at: usize| known.arguments[at].number();
        let wide = |at: usize| u64::from(number(at)) << 32 | u64::from(number(at + 1));
        let State { pending, node, .. } = state;
        match (known.interface, known.name) {
            ("zwp_linux_buffer_params_v1", "add") => {
                let plane = PlaneOf {
                    fd: copy(&passed.fds[0])?,
                    stride: number(3),
                    modifier: wide(4),
                };
                pending.planes.entry(object).or_default().push(plane);
            }
            ("zwp_linux_buffer_params_v1", "create") => {
                pending.asked.insert(object, number(2));
            }
            ("zwp_linux_buffer_params_v1", "create_immed") => {
                pending.make(object, number(0), number(3));
            }
            ("wp_linux_drm_syncobj_manager_v1", "import_timeline") => {
                let node = node.as_ref().map_err(Clone::clone)?;
                let mirror = Mirror::new(node, &passed.fds[0], self.seen.mirrors());
                let (mirror, other) = mirror.map_err(|error| error.to_string())?;
                if let Some(other) = other {
                    passed.fds[0] = other;
                }
                pending.timelines.insert(number(0), mirror);
            }
            ("wp_linux_drm_syncobj_surface_v1", "set_acquire_point") => {
                let timeline = pending.timelines.get(&number(0)).cloned();
                pending.next.acquire = timeline.map(|timeline| (timeline, wide(1)));
                pending.next.way = Some(Way::Syncobj);
            }
            ("wp_linux_drm_syncobj_surface_v1", "set_release_point") => {
                let timeline = pending.timelines.get(&number(0)).cloned();
                pending.next.release = timeline.map(|timeline| (timeline, wide(1)));
            }
            (
                "wp_linux_drm_syncobj_surface_v1" | "zwp_linux_surface_synchronization_v1",
                "destroy",
            ) => {
                pending.next.way = None;
            }
            ("zwp_linux_surface_synchronization_v1", "set_acquire_fence") => {
                pending.next.fence = Some(copy(&passed.fds[0])?);
                pending.next.way = Some(Way::Explicit);
            }
            ("zwp_linux_surface_synchronization_v1", "get_release") => {
                pending.next.teller = Some(number(0));
                pending.next.way = Some(Way::Explicit);
            }
            ("wl_surface", "attach") => {
                pending.next.attached = Some(number(0)).filter(|of| *of != 0)
            }
            ("wl_surface", "commit") => {
                if let Some((commit, release)) = pending.commit() {
                    if let Some((mirror, point)) = release {
                        mirror.pass_release(point, commit.number, Arc::clone(&self.seen));
                    }
                    self.seen.committed(commit);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the event goes on.
    fn event(
        &self,
        state: &mut State,
        message: &Message<'_>,
        known: &Known,
        passed: &mut Passed,
    ) -> Result<bool, String> {
        let number = |at: usize| known.arguments[at].number();
        let pending = &mut state.pending;
        match (known.interface, known.name) {
            ("wl_registry", "global") => {
                let Some(interface) = global(known.arguments[1].text()) else {
                    return Ok(false);
                };
                passed.bytes = message.with_last(number(2).min(interface.version));
            }
            ("wl_display", "error") => {
                self.seen
                    .broke(format!("a protocol error: {}", known.arguments[2].text()));
            }
            ("zwp_linux_buffer_params_v1", "created") => {
                if let Some(fourcc) = pending.asked.remove(&message.object) {
                    pending.make(message.object, number(0), fourcc);
                }
            }
            ("zwp_linux_buffer_params_v1", "failed") => {
                pending.planes.remove(&message.object);
                self.seen.refuse();
            }
            ("wl_buffer", "release") => {
                // In other ways it says nothing.
                let tells = !matches!(pending.next.way, Some(Way::Syncobj | Way::Explicit));
                if tells && let Some(buffer) = pending.buffers.get(&message.object) {
                    if let Some(reader) = self.seen.take_reader(message.object) {
                        buffer
                            .dma_buf
                            .import_sync_file(&reader, Access::Read)
                            .map_err(|error| error.to_string())?;
                    }
                    self.seen.released(message.object);
                }
            }
            ("zwp_linux_buffer_release_v1", name) => {
                if let Some(buffer) = pending.tellers.remove(&message.object) {
                    if let Some(reader) = self.seen.take_reader(buffer) {
                        let fence = match name {
                            "fenced_release" => SyncFile::from(copy(&passed.fds[0])?)
                                .merge(&reader, "wayfence-verify")
                                .map_err(|error| error.to_string())?,
                            _ => reader,
                        };
                        passed.bytes = message.with_opcode(FENCED_RELEASE);
                        passed.fds = vec![fence.into()];
                    }
                    self.seen.released(buffer);
                }
            }
            ("wp_presentation_feedback", "presented") => {
                self.seen.presented(number(6) & ZERO_COPY != 0, number(3));
            }
            _ => {}
        }
        Ok(true)
    }
}

fn copy(fd: &OwnedFd) -> Result<OwnedFd, String> {
    let copy = fd.as_fd().try_clone_to_owned();
    copy.map_err(|error| error.to_string())
}
