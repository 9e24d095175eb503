//! The protocols of fences, with descriptors that are no fences; `fences` has real ones.

use std::io::pipe;
use std::os::fd::AsFd;

use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::{Offer, Synchronisation, Syncobj, With};
use wayland_client::Proxy;

use crate::client::{commit, memory};

mod explicit {
    use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::{
        zwp_linux_explicit_synchronization_v1, zwp_linux_surface_synchronization_v1::Error,
    };

    use super::*;
    use crate::explicit::Explicit;

    #[test]
    fn a_release_without_fences_is_immediate() {
        let mut story = Explicit::new();
        let buffer = story.client.buffer();
        let release = story.release();
        let frame = story.show(&buffer);
        assert!(matches!(
            frame.fences().synchronisation,
            Synchronisation::Explicit {
                acquire: None,
                release: true
            }
        ));
        story.test.release(&frame, With::nothing());
        story.client.roundtrip();
        assert_eq!(story.client.events_of(&release), ["ImmediateRelease"]);
        assert!(!release.is_alive());
        assert_eq!(story.client.events_of(&buffer), ["Release"]);
    }

    #[test]
    fn a_release_with_a_fence_carries_it() {
        let mut story = Explicit::new();
        let buffer = story.client.buffer();
        let release = story.release();
        let frame = story.show(&buffer);
        let (reader, mut writer) = pipe().unwrap();
        let fence = SyncFile::from(std::os::fd::OwnedFd::from(reader));
        story.test.release(&frame, With::readers(&[&fence]));
        story.client.roundtrip();
        assert_eq!(story.client.events_of(&release), ["\"FencedRelease\""]);
        assert_eq!(story.client.events_of(&buffer), ["Release"]);
        // It is the same pipe.
        let sent = SyncFile::from(story.client.heard.fences.pop().unwrap());
        assert!(!sent.is_signalled().unwrap());
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        assert!(sent.is_signalled().unwrap());
    }

    #[test]
    fn any_descriptor_goes_out_as_a_fence_if_the_test_says_so() {
        let mut story = Explicit::new();
        let buffer = story.client.buffer();
        let release = story.release();
        let frame = story.show(&buffer);
        story.test.misbehave().fenced_release(&frame, memory(1));
        story.client.roundtrip();
        assert_eq!(story.client.events_of(&release), ["\"FencedRelease\""]);
        assert!(story.client.events_of(&buffer).is_empty());
        assert!(story.test.try_release(&frame, With::nothing()).is_err());
    }

    #[test]
    fn a_surface_has_one_synchronization_object() {
        let mut story = Explicit::new();
        let handle = story.client.handle();
        let surface = &story.window.surface;
        // After the first is gone there may be another.
        story.synchronization.destroy();
        story.factory.get_synchronization(surface, &handle, ());
        story.client.roundtrip();
        story.factory.get_synchronization(surface, &handle, ());
        let interface = "zwp_linux_explicit_synchronization_v1";
        let error = zwp_linux_explicit_synchronization_v1::Error::SynchronizationExists;
        story.client.assert_ended(&story.test, interface, error);
    }

    #[test]
    fn what_is_no_fence_is_refused() {
        let mut story = Explicit::new();
        story.synchronization.set_acquire_fence(memory(1).as_fd());
        story.assert_ended(Error::InvalidFence);
    }

    #[test]
    fn a_commit_has_one_release() {
        let mut story = Explicit::new();
        story.release();
        story.release();
        story.assert_ended(Error::DuplicateRelease);
    }

    #[test]
    fn a_release_needs_a_buffer() {
        let mut story = Explicit::new();
        commit(&story.window.surface, &story.client.buffer());
        story.release();
        story.window.surface.commit();
        story.assert_ended(Error::NoBuffer);
    }

    #[test]
    fn shared_memory_has_no_fences() {
        let mut story = Explicit::new();
        story.release();
        commit(&story.window.surface, &story.client.shared_memory());
        story.assert_ended(Error::UnsupportedBuffer);
    }

    #[test]
    fn nothing_is_synchronized_without_a_surface() {
        let mut story = Explicit::new();
        let surface = story.client.surface();
        let handle = story.client.handle();
        let synchronization = story.factory.get_synchronization(&surface, &handle, ());
        surface.destroy();
        synchronization.get_release(&handle, ());
        story.assert_ended(Error::NoSurface);
    }
}

mod syncobj {
    use wayland_protocols::wp::linux_drm_syncobj::v1::client::{
        wp_linux_drm_syncobj_manager_v1, wp_linux_drm_syncobj_surface_v1::Error,
    };

    use super::*;
    use crate::points::Points;

    #[test]
    fn a_commit_has_its_points() {
        let mut story = Points::blind();
        let buffer = story.client.buffer();
        story.points.set_acquire_point(&story.timeline, 1, 7);
        story.points.set_release_point(&story.timeline, 1, 8);
        let frame = story.show(&buffer);
        assert_eq!(frame.fences().available(), Some(false));
        let Synchronisation::Syncobj {
            acquire, release, ..
        } = &frame.fences().synchronisation
        else {
            panic!("{frame:?}");
        };
        assert_eq!((acquire.value, release.value), (1 << 32 | 7, 1 << 32 | 8));
        assert!(acquire.same_timeline(release));
        story.test.release(&frame, With::nothing());
        story.client.roundtrip();
        assert_eq!(story.client.events_of(&buffer), ["Release"]);
    }

    #[test]
    fn the_release_event_may_be_left_out() {
        let offer = Offer {
            syncobj: Syncobj::Blind,
            release_event_with_syncobj: false,
            ..Offer::default()
        };
        let mut story = Points::of(memory(1), offer);
        let buffer = story.client.buffer();
        story.set(1, 2);
        let frame = story.show(&buffer);
        story.test.release(&frame, With::nothing());
        story.client.roundtrip();
        assert!(story.client.events_of(&buffer).is_empty());
        assert_eq!(story.test.held_count(), 0);
    }

    #[test]
    fn a_surface_has_one_syncobj_surface() {
        let mut story = Points::blind();
        let handle = story.client.handle();
        story
            .manager
            .get_surface(&story.window.surface, &handle, ());
        let interface = "wp_linux_drm_syncobj_manager_v1";
        let error = wp_linux_drm_syncobj_manager_v1::Error::SurfaceExists;
        story.client.assert_ended(&story.test, interface, error);
    }

    #[test]
    fn a_buffer_needs_an_acquire_point() {
        let mut story = Points::blind();
        story.points.set_release_point(&story.timeline, 0, 1);
        commit(&story.window.surface, &story.client.buffer());
        story.assert_ended(Error::NoAcquirePoint);
    }

    #[test]
    fn a_buffer_needs_a_release_point() {
        let mut story = Points::blind();
        story.points.set_acquire_point(&story.timeline, 0, 1);
        commit(&story.window.surface, &story.client.buffer());
        story.assert_ended(Error::NoReleasePoint);
    }

    #[test]
    fn points_need_a_buffer() {
        let mut story = Points::blind();
        story.points.set_acquire_point(&story.timeline, 0, 1);
        story.window.surface.commit();
        story.assert_ended(Error::NoBuffer);
    }

    #[test]
    fn points_need_a_dma_buf() {
        let mut story = Points::blind();
        story.set(1, 2);
        commit(&story.window.surface, &story.client.shared_memory());
        story.assert_ended(Error::UnsupportedBuffer);
    }

    #[test]
    fn a_release_point_comes_after_the_acquire_point_of_its_timeline() {
        let mut story = Points::blind();
        story.set(2, 2);
        commit(&story.window.surface, &story.client.buffer());
        story.assert_ended(Error::ConflictingPoints);
    }

    #[test]
    fn points_of_two_timelines_are_not_compared() {
        let mut story = Points::blind();
        let handle = story.client.handle();
        let other = story
            .manager
            .import_timeline(memory(1).as_fd(), &handle, ());
        story.points.set_acquire_point(&story.timeline, 0, 2);
        story.points.set_release_point(&other, 0, 1);
        let buffer = story.client.buffer();
        assert!(story.show(&buffer).has_buffer());
    }

    #[test]
    fn no_point_is_set_without_a_surface() {
        let mut story = Points::blind();
        let surface = story.client.surface();
        let handle = story.client.handle();
        let points = story.manager.get_surface(&surface, &handle, ());
        surface.destroy();
        points.set_acquire_point(&story.timeline, 0, 1);
        story.assert_ended(Error::NoSurface);
    }
}
