//! Timeline syncobjs on a real kernel: the behaviour that explicit synchronisation relies on.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use wayfence::syncobj::{Node, Reached, Timeline};
use wayfence_test_fences::vgem::Vgem;
use wayfence_tests::Footprint;

fn node() -> Node {
    Node::any().expect("a DRM node with timeline syncobjs: scripts/test runs this test with one")
}

#[test]
#[ignore = "needs vgem and a DRM node with timeline syncobjs: scripts/test"]
fn a_point_is_available_before_it_is_signalled() {
    let timeline = Timeline::new(&node()).unwrap();
    assert!(!timeline.is_available(1).unwrap());
    timeline.export_sync_file(1).unwrap_err();
    let fence = Vgem::open().fence();
    timeline.import_sync_file(1, fence.sync_file()).unwrap();
    assert!(timeline.is_available(1).unwrap());
    assert!(!timeline.is_available(2).unwrap());
    let point = timeline.export_sync_file(1).unwrap();
    assert!(!point.is_signalled().unwrap());
    fence.signal();
    assert!(point.is_signalled().unwrap());
}

#[test]
#[ignore = "needs a DRM node with timeline syncobjs: scripts/test"]
fn a_point_signalled_by_hand_is_available_and_signalled() {
    let timeline = Timeline::new(&node()).unwrap();
    timeline.signal(7).unwrap();
    assert!(timeline.is_available(7).unwrap());
    assert!(
        timeline
            .export_sync_file(7)
            .unwrap()
            .is_signalled()
            .unwrap()
    );
    assert!(
        timeline
            .export_sync_file(3)
            .unwrap()
            .is_signalled()
            .unwrap()
    );
    timeline.export_sync_file(8).unwrap_err();
}

#[test]
#[ignore = "needs vgem and a DRM node with timeline syncobjs: scripts/test"]
fn both_ends_of_a_descriptor_see_the_same_points() {
    let node = node();
    let ours = Timeline::new(&node).unwrap();
    let theirs = Timeline::from_fd(&Node::any().unwrap(), ours.to_fd().unwrap()).unwrap();
    let fence = Vgem::open().fence();
    ours.import_sync_file(1, fence.sync_file()).unwrap();
    assert!(theirs.is_available(1).unwrap());
    assert!(!theirs.export_sync_file(1).unwrap().is_signalled().unwrap());
    // A fence outlives the end that put it there.
    drop(ours);
    fence.signal();
    assert!(theirs.export_sync_file(1).unwrap().is_signalled().unwrap());
}

#[test]
#[ignore = "needs vgem and a DRM node with timeline syncobjs: scripts/test"]
fn the_bell_rings_when_a_point_is_available_and_not_when_it_signals() {
    let node = node();
    let timeline = Timeline::new(&node).unwrap();
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    let rings = |timeout: Duration| {
        let timeout = Timespec::try_from(timeout).unwrap();
        let mut fds = [PollFd::new(&bell, PollFlags::IN)];
        poll(&mut fds, Some(&timeout)).unwrap() == 1
    };
    timeline.ring_when_available(1, bell.as_fd()).unwrap();
    assert!(!rings(Duration::from_millis(50)));
    let fence = Vgem::open().fence();
    timeline.import_sync_file(1, fence.sync_file()).unwrap();
    assert!(rings(Duration::from_secs(5)));
    let mut count = [0; 8];
    rustix::io::read(&bell, &mut count).unwrap();
    fence.signal();
    assert!(!rings(Duration::from_millis(50)));
    // Requested afterwards, it rings at once.
    timeline.ring_when_available(1, bell.as_fd()).unwrap();
    assert!(rings(Duration::from_secs(5)));
}

#[test]
#[ignore = "needs a DRM node with timeline syncobjs: scripts/test"]
fn a_failed_import_leaves_the_point_and_no_descriptor() {
    let timeline = Timeline::new(&node()).unwrap();
    let (pipe, _other) = std::io::pipe().unwrap();
    let before = Footprint::now().descriptors;
    for _ in 0..10 {
        timeline.import_sync_file(1, &pipe).unwrap_err();
        timeline.export_sync_file(1).unwrap_err();
        Timeline::from_fd(&node(), &pipe).unwrap_err();
        drop(Timeline::from_fd(&node(), timeline.to_fd().unwrap()).unwrap());
    }
    assert!(!timeline.is_available(1).unwrap());
    assert_eq!(Footprint::now().descriptors, before);
}

/// A client whose image has one timeline for both directions waits for its own rendering with the compositor's
/// release, even if the compositor does not.
#[test]
#[ignore = "needs vgem and a DRM node with timeline syncobjs: scripts/test"]
fn a_point_has_signalled_when_those_before_it_have() {
    let vgem = Vgem::open();
    let timeline = Timeline::new(&node()).unwrap();
    for (signal, acquire) in [(true, 1), (false, 3)] {
        let (rendering, release) = (vgem.fence(), acquire + 1);
        timeline
            .import_sync_file(acquire, rendering.sync_file())
            .unwrap();
        let reader = vgem.fence();
        if signal {
            timeline.signal(release).unwrap();
        } else {
            timeline
                .import_sync_file(release, reader.sync_file())
                .unwrap();
            reader.signal();
        }
        assert!(timeline.is_available(release).unwrap());
        assert!(!timeline.is_signalled(acquire).unwrap());
        assert!(!timeline.is_signalled(release).unwrap());
        let both = timeline.export_sync_file(release).unwrap();
        assert!(!both.is_signalled().unwrap());
        rendering.signal();
        assert!(both.is_signalled().unwrap());
        assert!(timeline.is_signalled(release).unwrap());
    }
}

#[test]
#[ignore = "needs vgem and a DRM node with timeline syncobjs: scripts/test"]
fn one_question_is_about_all_timelines_of_a_node() {
    let node = node();
    assert!(node.reached(Reached::Signalled, []).unwrap().is_empty());
    let timelines: Vec<Timeline> = (0..12).map(|_| Timeline::new(&node).unwrap()).collect();
    let fence = Vgem::open().fence();
    timelines[1].signal(4).unwrap();
    timelines[11].signal(1).unwrap();
    timelines[11]
        .import_sync_file(2, fence.sync_file())
        .unwrap();
    let reached = |what| node.reached(what, &timelines).unwrap();
    for (what, last) in [(Reached::Available, 2), (Reached::Signalled, 1)] {
        let points = reached(what);
        assert_eq!((points[0], points[1], points[11]), (0, 4, last));
    }
    fence.signal();
    assert_eq!(reached(Reached::Signalled)[11], 2);
    // Of another node.
    let other = Node::any().unwrap();
    other.reached(Reached::Signalled, &timelines).unwrap_err();
}
