//! Real dma-bufs, real fences, real timelines.

use std::os::fd::AsFd;

use wayfence::dma_buf::Access;
use wayfence::sync_file::SyncFile;
use wayfence::syncobj::{Node, Timeline};
use wayfence_test_compositor::{Behaviour, Compositor, Offer, Synchronisation, Syncobj, With};
use wayfence_test_fences::udmabuf;
use wayfence_test_fences::vgem::{Fence, Vgem};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::{
    self, WpLinuxDrmSyncobjManagerV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_surface_synchronization_v1::Error;

use crate::client::{Client, commit, memory};
use crate::explicit::Explicit;
use crate::points::Points;

/// A fence that the frame came with is pending until this one signals.
#[track_caller]
fn signals_with(acquire: &SyncFile, rendering: Fence) {
    assert!(!acquire.is_signalled().unwrap());
    rendering.signal();
    assert!(acquire.is_signalled().unwrap());
}

/// A timeline, and a client with points of it.
fn on_a_timeline() -> (Timeline, Points) {
    let node = Node::any().unwrap();
    let timeline = Timeline::new(&node).unwrap();
    let offer = Offer {
        syncobj: Syncobj::On(node),
        ..Offer::default()
    };
    let points = Points::of(timeline.to_fd().unwrap(), offer);
    (timeline, points)
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn implicit_fences_come_with_the_commit_and_go_with_the_release() {
    let vgem = Vgem::open();
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let surface = client.surface();
    let dma_buf = udmabuf::dma_buf();
    let buffer = client.buffer_on(&dma_buf);
    let rendering = vgem.fence();
    dma_buf
        .import_sync_file(rendering.sync_file(), Access::Write)
        .unwrap();
    let frame = client.show(&test, &surface, &buffer);
    signals_with(frame.fences().acquire().unwrap(), rendering);

    // A reader holds writers only, a writer everybody.
    let (reader, writer) = (vgem.fence(), vgem.fence());
    test.release(&frame, With::readers(&[reader.sync_file()]));
    client.roundtrip();
    assert_eq!(client.events_of(&buffer), ["Release"]);
    assert!(dma_buf.is_idle(Access::Read).unwrap());
    assert!(!dma_buf.is_idle(Access::Write).unwrap());
    reader.signal();
    assert!(dma_buf.is_idle(Access::Write).unwrap());

    let frame = client.show(&test, &surface, &buffer);
    assert!(!frame.still_held);
    // Nobody writes: what there is has signalled.
    assert!(frame.fences().acquire().unwrap().is_signalled().unwrap());
    test.release(&frame, With::writers(&[writer.sync_file()]));
    assert!(!dma_buf.is_idle(Access::Read).unwrap());
    writer.signal();
    assert!(dma_buf.is_idle(Access::Write).unwrap());
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn a_commit_tells_readers_from_writers() {
    let vgem = Vgem::open();
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let dma_buf = udmabuf::dma_buf();
    let reader = vgem.fence();
    dma_buf
        .import_sync_file(reader.sync_file(), Access::Read)
        .unwrap();
    let (surface, buffer) = (client.surface(), client.buffer_on(&dma_buf));
    let frame = client.show(&test, &surface, &buffer);
    let fences = frame.fences();
    let writers = fences.implicit(Access::Read).unwrap().unwrap();
    let all = fences.implicit(Access::Write).unwrap().unwrap();
    assert!(writers.is_signalled().unwrap());
    signals_with(all, reader);
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn explicit_fences_go_both_ways_and_leave_the_dma_buf_alone() {
    let vgem = Vgem::open();
    let mut story = Explicit::new();
    let dma_buf = udmabuf::dma_buf();
    let buffer = story.client.buffer_on(&dma_buf);
    let rendering = vgem.fence();
    let synchronization = story.synchronization.clone();
    synchronization.set_acquire_fence(rendering.sync_file().as_fd());
    let release = story.release();
    let frame = story.show(&buffer);
    signals_with(frame.fences().acquire().unwrap(), rendering);

    let (reader, writer) = (vgem.fence(), vgem.fence());
    let (readers, writers) = ([reader.sync_file()], [writer.sync_file()]);
    let with = With::readers(&readers).and_writers(&writers);
    story.test.release(&frame, with);
    story.client.roundtrip();
    assert_eq!(story.client.events_of(&release), ["\"FencedRelease\""]);
    let released = SyncFile::from(story.client.heard.fences.pop().unwrap());
    assert_eq!(released.info().unwrap().fences.len(), 2);
    reader.signal();
    signals_with(&released, writer);
    assert!(dma_buf.is_idle(Access::Write).unwrap());

    // A second fence for one commit.
    let fence = vgem.fence();
    synchronization.set_acquire_fence(fence.sync_file().as_fd());
    synchronization.set_acquire_fence(fence.sync_file().as_fd());
    story.assert_ended(Error::DuplicateFence);
    fence.signal();
}

#[test]
#[ignore = "needs /dev/udmabuf and vgem: scripts/test"]
fn an_automatic_compositor_shows_nothing_before_its_fence() {
    let refresh = std::time::Duration::from_millis(10);
    let test = Compositor::new(Offer {
        behaviour: Behaviour::Automatic { refresh },
        ..Offer::default()
    });
    let mut client = Client::new(&test);
    let surface = client.surface();
    let (first, dma_buf) = (client.buffer(), udmabuf::dma_buf());
    commit(&surface, &first);
    let rendering = Vgem::open().fence();
    dma_buf
        .import_sync_file(rendering.sync_file(), Access::Write)
        .unwrap();
    let callback = surface.frame(&client.handle(), ());
    commit(&surface, &client.buffer_on(&dma_buf));
    // Three refreshes later…
    let other = client.surface();
    for _ in 0..3 {
        let seen = other.frame(&client.handle(), ());
        other.commit();
        while client.events_of(&seen).is_empty() {
            client.queue.blocking_dispatch(&mut client.heard).unwrap();
        }
    }
    assert!(client.events_of(&callback).is_empty());
    assert!(client.events_of(&first).is_empty());
    rendering.signal();
    while client.events_of(&callback).is_empty() {
        client.queue.blocking_dispatch(&mut client.heard).unwrap();
    }
    assert_eq!(client.events_of(&first), ["Release"]);
}

#[test]
#[ignore = "needs vgem: scripts/test"]
fn an_acquire_fence_needs_a_buffer() {
    let mut story = Explicit::new();
    let fence = Vgem::open().fence();
    let synchronization = &story.synchronization;
    synchronization.set_acquire_fence(fence.sync_file().as_fd());
    story.window.surface.commit();
    story.assert_ended(Error::NoBuffer);
    fence.signal();
}

#[test]
#[ignore = "needs /dev/udmabuf, vgem and a DRM node with timeline syncobjs: scripts/test"]
fn timeline_points_go_both_ways() {
    let vgem = Vgem::open();
    let (timeline, mut story) = on_a_timeline();
    let dma_buf = udmabuf::dma_buf();
    let buffer = story.client.buffer_on(&dma_buf);

    let rendering = vgem.fence();
    timeline.import_sync_file(1, rendering.sync_file()).unwrap();
    story.set(1, 2);
    let frame = story.show(&buffer);
    assert_eq!(frame.fences().available(), Some(true));
    signals_with(frame.fences().acquire().unwrap(), rendering);

    let reader = vgem.fence();
    assert!(!timeline.is_available(2).unwrap());
    story
        .test
        .release(&frame, With::readers(&[reader.sync_file()]));
    assert!(timeline.is_available(2).unwrap());
    signals_with(&timeline.export_sync_file(2).unwrap(), reader);
    // On the dma-buf there is nothing.
    assert!(dma_buf.is_idle(Access::Write).unwrap());

    // An acquire point without a fence is said to be so, and not waited for.
    story.set(3, 4);
    let frame = story.show(&buffer);
    assert_eq!(frame.fences().available(), Some(false));
    assert!(frame.fences().acquire().is_none());
    story.test.release(&frame, With::nothing());
    assert!(
        timeline
            .export_sync_file(4)
            .unwrap()
            .is_signalled()
            .unwrap()
    );

    // A point that the compositor forgets is never signalled.
    timeline.signal(5).unwrap();
    story.set(5, 6);
    let frame = story.show(&buffer);
    assert!(matches!(
        frame.fences().synchronisation,
        Synchronisation::Syncobj {
            available: true,
            ..
        }
    ));
    story.test.misbehave().close_timelines(&frame);
    story.test.release(&frame, With::nothing());
    assert!(!timeline.is_available(6).unwrap());
}

#[test]
#[ignore = "needs a DRM node with timeline syncobjs: scripts/test"]
fn what_is_no_timeline_is_refused() {
    let test = Compositor::new(Offer {
        syncobj: Syncobj::On(Node::any().unwrap()),
        ..Offer::default()
    });
    let mut client = Client::new(&test);
    let manager: WpLinuxDrmSyncobjManagerV1 = client.bind();
    manager.import_timeline(memory(1).as_fd(), &client.handle(), ());
    let error = wp_linux_drm_syncobj_manager_v1::Error::InvalidTimeline;
    client.assert_ended(&test, "wp_linux_drm_syncobj_manager_v1", error);
}

#[test]
#[ignore = "needs /dev/udmabuf and a DRM node with timeline syncobjs: scripts/test"]
fn a_release_point_is_signalled_alone_if_the_test_says_so() {
    let (timeline, mut story) = on_a_timeline();
    timeline.signal(1).unwrap();
    story.set(1, 2);
    let buffer = story.client.buffer_on(udmabuf::dma_buf());
    let frame = story.show(&buffer);
    story.test.misbehave().signal_release_point(&frame);
    assert!(timeline.is_available(2).unwrap());
    story.client.roundtrip();
    assert!(story.client.events_of(&buffer).is_empty());
    assert_eq!(story.test.held_count(), 1);
}
