//! The other protocols that extend a surface: each has its part in a commit, and its errors.

use std::time::Duration;

use wayfence_test_compositor::{Clock, Colour, Compositor, Offer, Pacing, Presented, Viewport};
use wayland_client::Proxy;
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::protocol::wl_subcompositor::{self, WlSubcompositor};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::color_management::v1::client::wp_color_manager_v1::{
    self, WpColorManagerV1,
};
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timer_v1::{self, WpCommitTimerV1};
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::{
    self, WpCommitTimingManagerV1,
};
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::{self, WpFifoManagerV1};
use wayland_protocols::wp::fifo::v1::client::wp_fifo_v1::{self, WpFifoV1};
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_manager_v1::{
    self, WpTearingControlManagerV1,
};
use wayland_protocols::wp::tearing_control::v1::client::wp_tearing_control_v1::PresentationHint;
use wayland_protocols::wp::viewporter::client::wp_viewport::{self, WpViewport};
use wayland_protocols::wp::viewporter::client::wp_viewporter::{self, WpViewporter};

use crate::client::{Client, commit};

fn everything() -> Compositor {
    Compositor::new(Offer {
        fifo: true,
        commit_timing: true,
        tearing_control: true,
        colour: Some(Colour::default()),
        ..Offer::default()
    })
}

#[test]
fn what_is_not_offered_is_not_there() {
    let test = Compositor::new(Offer {
        presentation: None,
        viewporter: false,
        ..Offer::default()
    });
    let client = Client::new(&test);
    let mut names: Vec<String> = client
        .globals
        .contents()
        .clone_list()
        .into_iter()
        .map(|global| format!("{} {}", global.interface, global.version))
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "wl_compositor 6",
            "wl_output 4",
            "wl_seat 7",
            "wl_shm 1",
            "wl_subcompositor 1",
            "xdg_wm_base 6",
            "zwp_linux_dmabuf_v1 5",
        ]
    );
}

#[test]
fn a_commit_carries_what_the_extensions_said() {
    let test = everything();
    let mut client = Client::new(&test);
    let surface = client.surface();
    let handle = client.handle();
    let viewport = client
        .bind::<WpViewporter>()
        .get_viewport(&surface, &handle, ());
    let fifo = client
        .bind::<WpFifoManagerV1>()
        .get_fifo(&surface, &handle, ());
    let timer = client
        .bind::<WpCommitTimingManagerV1>()
        .get_timer(&surface, &handle, ());
    let tearing = client
        .bind::<WpTearingControlManagerV1>()
        .get_tearing_control(&surface, &handle, ());
    viewport.set_source(1.0, 2.0, 8.5, 16.0);
    viewport.set_destination(100, 50);
    fifo.set_barrier();
    timer.set_timestamp(1, 2, 3);
    tearing.set_presentation_hint(PresentationHint::Async);
    surface.set_buffer_scale(2);
    surface.set_buffer_transform(wayland_client::protocol::wl_output::Transform::_90);
    surface.offset(-3, 4);
    surface.damage(1, 2, 3, 4);
    let buffer = client.buffer();
    // 32 by 32 at scale 2 is 16 by 16.
    viewport.set_source(1.0, 0.0, 8.5, 16.0);
    commit(&surface, &buffer);
    fifo.wait_barrier();
    commit(&surface, &buffer);
    tearing.destroy();
    viewport.destroy();
    commit(&surface, &buffer);
    client.roundtrip();

    let first = test.next_commit();
    assert_eq!(
        first.viewport,
        Viewport {
            source: Some((1.0, 0.0, 8.5, 16.0)),
            destination: Some((100, 50)),
        }
    );
    assert_eq!(
        first.pacing,
        Pacing {
            set_barrier: true,
            wait_barrier: false,
            target: Some(Duration::new(1 << 32 | 2, 3)),
        }
    );
    assert!(first.tearing);
    assert_eq!(
        (first.scale, first.transform, first.offset),
        (2, 1, (-3, 4))
    );
    assert_eq!(first.damage.len(), 1);
    assert_eq!(first.buffer_damage[0].width, i32::MAX);

    // What is used up is gone, what lasts lasts.
    let second = test.next_commit();
    assert_eq!(second.viewport, first.viewport);
    assert_eq!(
        second.pacing,
        Pacing {
            wait_barrier: true,
            ..Pacing::default()
        }
    );
    assert!(second.tearing && second.damage.is_empty());
    assert_eq!((second.scale, second.offset), (2, (0, 0)));

    let third = test.next_commit();
    assert_eq!(third.viewport, Viewport::default());
    assert!(!third.tearing);
}

#[test]
fn a_surface_has_one_object_of_each_extension() {
    type Extend = fn(&Client, &WlSurface);
    let stories: [(Extend, &str, u32); 5] = [
        (
            |client, surface| {
                let manager: WpColorManagerV1 = client.bind();
                manager.get_surface(surface, &client.handle(), ());
            },
            "wp_color_manager_v1",
            wp_color_manager_v1::Error::SurfaceExists.into(),
        ),
        (
            |client, surface| {
                let manager: WpViewporter = client.bind();
                manager.get_viewport(surface, &client.handle(), ());
            },
            "wp_viewporter",
            wp_viewporter::Error::ViewportExists.into(),
        ),
        (
            |client, surface| {
                let manager: WpFifoManagerV1 = client.bind();
                manager.get_fifo(surface, &client.handle(), ());
            },
            "wp_fifo_manager_v1",
            wp_fifo_manager_v1::Error::AlreadyExists.into(),
        ),
        (
            |client, surface| {
                let manager: WpCommitTimingManagerV1 = client.bind();
                manager.get_timer(surface, &client.handle(), ());
            },
            "wp_commit_timing_manager_v1",
            wp_commit_timing_manager_v1::Error::CommitTimerExists.into(),
        ),
        (
            |client, surface| {
                let manager: WpTearingControlManagerV1 = client.bind();
                manager.get_tearing_control(surface, &client.handle(), ());
            },
            "wp_tearing_control_manager_v1",
            wp_tearing_control_manager_v1::Error::TearingControlExists.into(),
        ),
    ];
    let test = everything();
    for (extend, interface, error) in stories {
        let mut client = Client::new(&test);
        let surface = client.surface();
        extend(&client, &surface);
        client.roundtrip();
        extend(&client, &surface);
        client.assert_ended(&test, interface, error);
    }
}

fn viewport(client: &Client, surface: &WlSurface) -> WpViewport {
    let viewporter: WpViewporter = client.bind();
    viewporter.get_viewport(surface, &client.handle(), ())
}

#[test]
fn a_viewport_is_checked() {
    use wp_viewport::Error;
    type Break = fn(&Client, &WlSurface, &WpViewport);
    let stories: [(Break, Error); 7] = [
        (
            |_, _, viewport| viewport.set_destination(0, 1),
            Error::BadValue,
        ),
        (
            |_, _, viewport| viewport.set_destination(-1, 1),
            Error::BadValue,
        ),
        (
            |_, _, viewport| viewport.set_source(-1.0, 0.0, 1.0, 1.0),
            Error::BadValue,
        ),
        (
            |_, _, viewport| viewport.set_source(0.0, 0.0, 0.0, 1.0),
            Error::BadValue,
        ),
        (
            |client, surface, viewport| {
                viewport.set_source(0.0, 0.0, 1.5, 1.0);
                commit(surface, &client.buffer());
            },
            Error::BadSize,
        ),
        (
            |client, surface, viewport| {
                viewport.set_source(1.0, 0.0, 32.0, 32.0);
                commit(surface, &client.buffer());
            },
            Error::OutOfBuffer,
        ),
        (
            |_, surface, viewport| {
                surface.destroy();
                viewport.set_destination(1, 1);
            },
            Error::NoSurface,
        ),
    ];
    let test = everything();
    for (break_it, error) in stories {
        let mut client = Client::new(&test);
        let surface = client.surface();
        let viewport = viewport(&client, &surface);
        break_it(&client, &surface, &viewport);
        client.assert_ended(&test, "wp_viewport", error);
    }
    // What is unset is not checked.
    let mut client = Client::new(&test);
    let surface = client.surface();
    let viewport = viewport(&client, &surface);
    viewport.set_source(1.0, 0.0, 32.0, 32.0);
    viewport.set_source(-1.0, -1.0, -1.0, -1.0);
    viewport.set_destination(5, 5);
    viewport.set_destination(-1, -1);
    commit(&surface, &client.buffer());
    client.roundtrip();
    assert_eq!(test.next_commit().viewport, Viewport::default());
}

#[test]
fn pacing_is_checked() {
    use wp_commit_timer_v1::Error;
    let test = everything();
    let objects = |client: &Client| -> (WlSurface, WpFifoV1, WpCommitTimerV1) {
        let surface = client.surface();
        let fifo: WpFifoManagerV1 = client.bind();
        let fifo = fifo.get_fifo(&surface, &client.handle(), ());
        let timing: WpCommitTimingManagerV1 = client.bind();
        let timer = timing.get_timer(&surface, &client.handle(), ());
        (surface, fifo, timer)
    };
    let mut client = Client::new(&test);
    let (_, _, timer) = objects(&client);
    timer.set_timestamp(0, 0, 1_000_000_000);
    client.assert_ended(&test, "wp_commit_timer_v1", Error::InvalidTimestamp);

    let mut client = Client::new(&test);
    let (_, _, timer) = objects(&client);
    timer.set_timestamp(0, 0, 999_999_999);
    client.roundtrip();
    timer.set_timestamp(0, 0, 0);
    client.assert_ended(&test, "wp_commit_timer_v1", Error::TimestampExists);

    let mut client = Client::new(&test);
    let (surface, _, timer) = objects(&client);
    surface.destroy();
    timer.set_timestamp(0, 0, 0);
    client.assert_ended(&test, "wp_commit_timer_v1", Error::SurfaceDestroyed);

    for barrier in [WpFifoV1::set_barrier, WpFifoV1::wait_barrier] {
        let mut client = Client::new(&test);
        let (surface, fifo, _) = objects(&client);
        surface.destroy();
        barrier(&fifo);
        let error = wp_fifo_v1::Error::SurfaceDestroyed;
        client.assert_ended(&test, "wp_fifo_v1", error);
    }
}

#[test]
fn a_presentation_is_told_once() {
    let test = Compositor::new(Offer {
        presentation: Some(Clock::MonotonicRaw),
        ..Offer::default()
    });
    let mut client = Client::new(&test);
    let surface = client.surface();
    let output: WlOutput = client.bind();
    let presentation: WpPresentation = client.bind();
    let handle = client.handle();
    let buffer = client.buffer();
    let shown = presentation.feedback(&surface, &handle, ());
    commit(&surface, &buffer);
    let replaced = presentation.feedback(&surface, &handle, ());
    commit(&surface, &buffer);
    let lost = presentation.feedback(&surface, &handle, ());
    commit(&surface, &buffer);
    client.roundtrip();
    assert_eq!(client.events_of(&presentation), ["ClockId { clk_id: 4 }"]);
    let (first, second) = (test.next_commit(), test.next_commit());
    assert_eq!((first.feedbacks, second.feedbacks), (1, 1));
    test.presented(
        &first,
        Presented {
            at: Duration::new(1 << 32 | 5, 6),
            refresh: Duration::from_nanos(7),
            sequence: 1 << 32 | 8,
            ..Presented::default()
        },
    );
    test.discarded(&second);
    let never_committed = presentation.feedback(&surface, &handle, ());
    surface.destroy();
    client.roundtrip();
    let events = client.events_of(&shown);
    assert!(events[0].starts_with("SyncOutput"), "{events:?}");
    assert!(events[0].contains(&output.id().to_string()), "{events:?}");
    for part in [
        "Presented",
        "tv_sec_hi: 1, tv_sec_lo: 5, tv_nsec: 6",
        "refresh: 7, seq_hi: 1, seq_lo: 8",
        "Vsync",
    ] {
        assert!(events[1].contains(part), "{events:?}");
    }
    assert!(!shown.is_alive());
    assert_eq!(client.events_of(&replaced), ["Discarded"]);
    // With their surface.
    assert_eq!(client.events_of(&lost), ["Discarded"]);
    assert_eq!(client.events_of(&never_committed), ["Discarded"]);
}

#[test]
fn a_seat_has_no_devices() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let seat: WlSeat = client.bind();
    client.roundtrip();
    let events = client.events_of(&seat);
    assert!(events[0].starts_with("Capabilities"), "{events:?}");
    // A request for a device: its object is never made.
    use wayland_client::backend::protocol::{Argument, Message};
    let message = Message {
        sender_id: seat.id(),
        opcode: 0,
        args: [Argument::NewId(wayland_client::backend::ObjectId::null())]
            .into_iter()
            .collect(),
    };
    let backend = client.connection.backend();
    backend
        .send_request(message, Some(std::sync::Arc::new(Deaf)), None)
        .unwrap();
    let error = wl_seat::Error::MissingCapability;
    client.assert_ended(&test, "wl_seat", error);
}

/// An object that ignores its events.
struct Deaf;

impl wayland_client::backend::ObjectData for Deaf {
    fn event(
        self: std::sync::Arc<Self>,
        _: &wayland_client::backend::Backend,
        _: wayland_client::backend::protocol::Message<
            wayland_client::backend::ObjectId,
            std::os::fd::OwnedFd,
        >,
    ) -> Option<std::sync::Arc<dyn wayland_client::backend::ObjectData>> {
        None
    }

    fn destroyed(&self, _: wayland_client::backend::ObjectId) {}
}

#[test]
fn a_subsurface_is_a_surface_of_one_role() {
    use wl_subcompositor::Error;
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let subcompositor: WlSubcompositor = client.bind();
    let (parent, child) = (client.surface(), client.surface());
    let handle = client.handle();
    let subsurface = subcompositor.get_subsurface(&child, &parent, &handle, ());
    subsurface.set_desync();
    commit(&child, &client.buffer());
    client.roundtrip();
    assert!(test.next_commit().has_buffer());
    subcompositor.get_subsurface(&child, &parent, &handle, ());
    client.assert_ended(&test, "wl_subcompositor", Error::BadSurface);

    let mut client = Client::new(&test);
    let subcompositor: WlSubcompositor = client.bind();
    let surface = client.surface();
    subcompositor.get_subsurface(&surface, &surface, &client.handle(), ());
    client.assert_ended(&test, "wl_subcompositor", Error::BadParent);
}
