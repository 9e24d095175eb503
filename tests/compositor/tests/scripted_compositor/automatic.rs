//! The automatic compositor.

use std::time::Duration;

use wayfence_test_compositor::{Behaviour, Clock, Compositor, Offer};
use wayland_client::Proxy;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::commit_timing::v1::client::wp_commit_timing_manager_v1::WpCommitTimingManagerV1;
use wayland_protocols::wp::fifo::v1::client::wp_fifo_manager_v1::WpFifoManagerV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::WpPresentationFeedback;

use crate::client::{Client, commit};

const REFRESH: Duration = Duration::from_millis(10);

fn automatic(refresh: Duration) -> Compositor {
    Compositor::new(Offer {
        fifo: true,
        commit_timing: true,
        behaviour: Behaviour::Automatic { refresh },
        ..Offer::default()
    })
}

/// Dispatches until `what` holds.
#[track_caller]
fn hear_until(client: &mut Client, mut what: impl FnMut(&mut Client) -> bool) {
    while !what(client) {
        client.queue.blocking_dispatch(&mut client.heard).unwrap();
    }
}

fn heard(client: &Client, object: &impl Proxy) -> Option<String> {
    let id = object.id();
    let events = &client.heard.events;
    events
        .iter()
        .find(|(of, event)| *of == id && !event.starts_with("SyncOutput"))
        .map(|(_, event)| event.clone())
}

fn commit_for_feedback(
    client: &Client,
    surface: &WlSurface,
    buffer: &WlBuffer,
) -> WpPresentationFeedback {
    let presentation: WpPresentation = client.bind();
    let feedback = presentation.feedback(surface, &client.handle(), ());
    commit(surface, buffer);
    feedback
}

/// `tv_sec`, `tv_nsec` and `seq` of a `presented` event.
fn presented(event: &str) -> (Duration, u64) {
    let field = |name: &str| -> u64 {
        let (_, rest) = event.split_once(&format!("{name}: ")).expect(event);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).expect(event)
    };
    let seconds = field("tv_sec_hi") << 32 | field("tv_sec_lo");
    (
        Duration::new(seconds, field("tv_nsec") as u32),
        field("seq_hi") << 32 | field("seq_lo"),
    )
}

#[test]
fn a_commit_gives_back_the_buffer_before() {
    let test = automatic(REFRESH);
    let mut client = Client::new(&test);
    let surface = client.surface();
    let buffers = [client.buffer(), client.buffer(), client.buffer()];
    let callback = surface.frame(&client.handle(), ());
    commit(&surface, &buffers[0]);
    client.roundtrip();
    assert!(client.events_of(&buffers[0]).is_empty());
    for pair in buffers.windows(2) {
        commit(&surface, &pair[1]);
        client.roundtrip();
        assert_eq!(client.events_of(&pair[0]), ["Release"]);
        assert!(client.events_of(&pair[1]).is_empty());
    }
    hear_until(&mut client, |client| heard(client, &callback).is_some());
    assert_eq!(test.held_count(), 1);
    // Without a buffer nothing is held.
    surface.attach(None, 0, 0);
    surface.commit();
    client.roundtrip();
    assert_eq!(client.events_of(&buffers[2]), ["Release"]);
    assert_eq!(test.held_count(), 0);
}

#[test]
fn what_is_replaced_before_it_is_shown_is_discarded() {
    // Nothing is shown meanwhile.
    let test = automatic(Duration::from_secs(3600));
    let mut client = Client::new(&test);
    let surface = client.surface();
    let first = commit_for_feedback(&client, &surface, &client.buffer());
    let second = commit_for_feedback(&client, &surface, &client.buffer());
    client.roundtrip();
    assert_eq!(client.events_of(&first), ["Discarded"]);
    assert!(client.events_of(&second).is_empty());
}

#[test]
fn in_fifo_every_commit_is_shown_for_a_refresh() {
    let test = automatic(REFRESH);
    let mut client = Client::new(&test);
    let surface = client.surface();
    let fifo = client.bind::<WpFifoManagerV1>();
    let fifo = fifo.get_fifo(&surface, &client.handle(), ());
    let feedbacks: Vec<_> = (0..5)
        .map(|_| {
            fifo.set_barrier();
            fifo.wait_barrier();
            commit_for_feedback(&client, &surface, &client.buffer())
        })
        .collect();
    hear_until(&mut client, |client| heard(client, &feedbacks[4]).is_some());
    let shown: Vec<_> = feedbacks
        .iter()
        .map(|feedback| presented(&heard(&client, feedback).unwrap()))
        .collect();
    for pair in shown.windows(2) {
        let ((before, refresh_before), (after, refresh)) = (pair[0], pair[1]);
        assert!(refresh > refresh_before, "{shown:?}");
        // All refreshes are on one grid.
        let refreshes = (refresh - refresh_before) as u32;
        assert_eq!(after - before, REFRESH * refreshes);
    }
}

#[test]
fn a_target_time_is_waited_for() {
    let test = automatic(REFRESH);
    let mut client = Client::new(&test);
    let surface = client.surface();
    let timing = client.bind::<WpCommitTimingManagerV1>();
    let timer = timing.get_timer(&surface, &client.handle(), ());
    let target = Clock::Monotonic.now() + 5 * REFRESH;
    timer.set_timestamp(0, target.as_secs() as u32, target.subsec_nanos());
    let timed = commit_for_feedback(&client, &surface, &client.buffer());
    // It comes after the one before it, also without a target of its own.
    let next = commit_for_feedback(&client, &surface, &client.buffer());
    hear_until(&mut client, |client| heard(client, &next).is_some());
    let (at, _) = presented(&heard(&client, &next).unwrap());
    assert!(at >= target, "{at:?} {target:?}");
    // It was in force, and replaced before it was shown.
    assert_eq!(heard(&client, &timed).unwrap(), "Discarded");
}

#[test]
fn a_hidden_surface_hears_nothing_until_it_is_seen() {
    let test = automatic(REFRESH);
    let (id, socket) = test.connect_as();
    let mut client = Client::on(socket);
    let (surface, other) = (client.surface(), client.surface());
    client.roundtrip();
    test.hide(test.surfaces(id)[0]);
    let callback = surface.frame(&client.handle(), ());
    let feedback = commit_for_feedback(&client, &surface, &client.buffer());
    // Three refreshes later…
    for _ in 0..3 {
        let visible = other.frame(&client.handle(), ());
        other.commit();
        hear_until(&mut client, |client| heard(client, &visible).is_some());
    }
    assert_eq!(heard(&client, &callback), None);
    assert_eq!(heard(&client, &feedback), None);
    test.show(test.surfaces(id)[0]);
    hear_until(&mut client, |client| heard(client, &feedback).is_some());
    assert!(heard(&client, &callback).is_some());
}

/// "The compositor may ignore the constraint", and this one does: hidden fifo swapchains go on.
#[test]
fn a_hidden_surface_has_no_barrier() {
    let test = automatic(Duration::from_secs(3600));
    let (id, socket) = test.connect_as();
    let mut client = Client::on(socket);
    let surface = client.surface();
    let fifo = client.bind::<WpFifoManagerV1>();
    let fifo = fifo.get_fifo(&surface, &client.handle(), ());
    client.roundtrip();
    test.hide(test.surfaces(id)[0]);
    let buffers = [client.buffer(), client.buffer()];
    for buffer in &buffers {
        fifo.set_barrier();
        fifo.wait_barrier();
        commit(&surface, buffer);
    }
    client.roundtrip();
    assert_eq!(client.events_of(&buffers[0]), ["Release"]);
}

#[test]
fn the_behaviour_can_be_changed() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let surface = client.surface();
    let buffers = [client.buffer(), client.buffer(), client.buffer()];
    commit(&surface, &buffers[0]);
    let callback = surface.frame(&client.handle(), ());
    commit(&surface, &buffers[1]);
    client.roundtrip();
    assert_eq!(test.held_count(), 2);
    test.behave(Behaviour::Automatic { refresh: REFRESH });
    hear_until(&mut client, |client| heard(client, &callback).is_some());
    assert_eq!(client.events_of(&buffers[0]), ["Release"]);
    assert_eq!(test.held_count(), 1);
    test.behave(Behaviour::Manual);
    commit(&surface, &buffers[2]);
    client.roundtrip();
    assert!(client.events_of(&buffers[1]).is_empty());
    assert_eq!(test.held_count(), 2);
}

/// Each commit that is kept holds descriptors.
#[test]
fn commits_that_nobody_takes_are_forgotten() {
    let test = automatic(REFRESH);
    let mut client = Client::new(&test);
    let surface = client.surface();
    let buffers = [client.buffer(), client.buffer()];
    for round in 0..50 {
        commit(&surface, &buffers[round % 2]);
    }
    client.roundtrip();
    assert_eq!(test.commit_count(), 50);
    let serials: Vec<u64> = test
        .take_commits()
        .iter()
        .map(|commit| commit.serial)
        .collect();
    assert_eq!(serials, (35..=50).collect::<Vec<u64>>());
}
