//! A Wayland compositor that does what a test tells it to.
//!
//! It lives in the test's own process and draws nothing. Clients connect ([`Compositor::connect`]) and commit;
//! the test takes the commits in their order ([`Compositor::next_commit`]), looks at their state ([`Commit`]),
//! and answers with methods: [`release`](Compositor::release), [`frame_done`](Compositor::frame_done),
//! [`presented`](Compositor::presented), [`configure`](Compositor::configure). Nothing is answered by itself,
//! unless the test asks for [`Behaviour::Automatic`].
//!
//! ```no_run
//! use wayfence_test_compositor::{Compositor, Offer, With};
//!
//! let compositor = Compositor::new(Offer::default());
//! let socket = compositor.connect();
//! // … a client draws a frame through `socket` …
//! let frame = compositor.next_commit();
//! assert!(frame.fences().acquire().is_some());
//! compositor.release(&frame, With::nothing());
//! compositor.frame_done(frame.surface);
//! ```
//!
//! It is strict: everything that a protocol calls a client's error ends the client, and is kept for the test
//! ([`Compositor::next_disconnection`]).
//!
//! A frame reads in this order: `event_loop` reads the requests, each protocol's file puts its part into the
//! surface's pending state (`surface_state`), `surface` commits it, `commit` is what the test sees of it,
//! `release` releases the buffer; `automatic` does that by itself.

#[macro_use]
mod global;

mod automatic;
mod behaviour;
mod buffer;
mod clock;
mod color_management;
mod colour;
mod commit;
mod commit_timing;
mod compositor;
mod connection;
mod control;
mod disconnection;
mod dmabuf;
mod event_loop;
mod explicit_synchronization;
mod feedback;
mod feedback_objects;
mod fifo;
mod fixes;
mod format;
mod frame;
mod ids;
mod image_description;
mod imports;
mod misbehave;
mod offer;
mod output;
mod presentation;
mod release;
mod seat;
mod shm;
mod state;
mod subsurface;
mod surface;
mod surface_state;
mod syncobj;
mod tearing_control;
mod timeline;
mod viewport;
mod viewporter;
mod whim;
mod wl_buffer;
mod xdg_shell;
mod xdg_surface;

pub use behaviour::Behaviour;
pub use buffer::{Buffer, BufferId, Image, Memory, Plane};
pub use clock::{Clock, Timestamp};
pub use colour::{
    Cause, Chromaticities, Colour, Encoding, Feature, Gamut, ImageDescription, Parameters,
    Primaries, RenderIntent, SurfaceColour, Transfer, TransferFunction, Verdict,
};
pub use commit::{Attached, Commit, Fences, Pacing, Point, Rectangle, Synchronisation};
pub use compositor::{Compositor, Frozen};
pub use disconnection::{Disconnection, ProtocolError, Reason};
pub use feedback::{Feedback, FeedbackEvent, Table, Tranche};
pub use format::Format;
pub use ids::{ClientId, SurfaceId};
pub use imports::Imports;
pub use misbehave::Misbehave;
pub use offer::{Dmabuf, Offer, Syncobj};
pub use presentation::{Kind, Presented};
pub use release::With;
pub use viewport::Viewport;
pub use whim::Whim;
