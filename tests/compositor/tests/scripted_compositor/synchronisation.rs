//! The protocols of fences. The descriptors here are none: those are met in `fences`.

use std::io::pipe;
use std::os::fd::AsFd;

use wayfence::sync_file::SyncFile;
use wayfence_test_compositor::{Compositor, Offer, Synchronisation, Syncobj, With};
use wayland_client::Proxy;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::{
    self, WpLinuxDrmSyncobjManagerV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_surface_v1::{
    self, WpLinuxDrmSyncobjSurfaceV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::{
    self, ZwpLinuxExplicitSynchronizationV1,
};
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_surface_synchronization_v1::{
    self, ZwpLinuxSurfaceSynchronizationV1,
};

use crate::client::{Client, Window, commit, memory};

const EXPLICIT: &str = "zwp_linux_surface_synchronization_v1";
const SYNCOBJ: &str = "wp_linux_drm_syncobj_surface_v1";

mod explicit {
    use super::*;

    struct Story {
        test: Compositor,
        client: Client,
        window: Window,
        factory: ZwpLinuxExplicitSynchronizationV1,
        synchronization: ZwpLinuxSurfaceSynchronizationV1,
    }

    fn story() -> Story {
        let test = Compositor::new(Offer {
            explicit: true,
            ..Offer::default()
        });
        let mut client = Client::new(&test);
        let window = client.window();
        let factory: ZwpLinuxExplicitSynchronizationV1 = client.bind();
        let synchronization = factory.get_synchronization(&window.surface, &client.handle(), ());
        Story {
            test,
            client,
            window,
            factory,
            synchronization,
        }
    }

    #[test]
    fn a_release_without_fences_is_immediate() {
        let mut story = story();
        let client = &mut story.client;
        let buffer = client.buffer();
        let release = story.synchronization.get_release(&client.handle(), ());
        commit(&story.window.surface, &buffer);
        client.roundtrip();
        let frame = story.test.next_commit();
        assert!(matches!(
            frame.fences().synchronisation,
            Synchronisation::Explicit {
                acquire: None,
                release: true
            }
        ));
        story.test.release(&frame, With::nothing());
        client.roundtrip();
        assert_eq!(client.events_of(&release), ["ImmediateRelease"]);
        assert!(!release.is_alive());
        assert_eq!(client.events_of(&buffer), ["Release"]);
    }

    #[test]
    fn a_release_with_a_fence_carries_it() {
        let mut story = story();
        let client = &mut story.client;
        let buffer = client.buffer();
        let release = story.synchronization.get_release(&client.handle(), ());
        commit(&story.window.surface, &buffer);
        client.roundtrip();
        let frame = story.test.next_commit();
        let (reader, mut writer) = pipe().unwrap();
        let fence = SyncFile::from(std::os::fd::OwnedFd::from(reader));
        story.test.release(&frame, With::readers(&[&fence]));
        client.roundtrip();
        assert_eq!(client.events_of(&release), ["\"FencedRelease\""]);
        assert_eq!(client.events_of(&buffer), ["Release"]);
        // It is the same pipe.
        let sent = SyncFile::from(client.heard.fences.pop().unwrap());
        assert!(!sent.is_signalled().unwrap());
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        assert!(sent.is_signalled().unwrap());
    }

    #[test]
    fn any_descriptor_goes_out_as_a_fence_if_the_test_says_so() {
        let mut story = story();
        let client = &mut story.client;
        let buffer = client.buffer();
        let release = story.synchronization.get_release(&client.handle(), ());
        commit(&story.window.surface, &buffer);
        client.roundtrip();
        let frame = story.test.next_commit();
        story.test.misbehave().fenced_release(&frame, memory(1));
        client.roundtrip();
        assert_eq!(client.events_of(&release), ["\"FencedRelease\""]);
        assert!(client.events_of(&buffer).is_empty());
        assert!(story.test.try_release(&frame, With::nothing()).is_err());
    }

    #[test]
    fn a_surface_has_one_synchronization_object() {
        use zwp_linux_explicit_synchronization_v1::Error;
        let mut story = story();
        let handle = story.client.handle();
        let surface = &story.window.surface;
        // After the first is gone there may be another.
        story.synchronization.destroy();
        story.factory.get_synchronization(surface, &handle, ());
        story.client.roundtrip();
        story.factory.get_synchronization(surface, &handle, ());
        let interface = "zwp_linux_explicit_synchronization_v1";
        let error = Error::SynchronizationExists;
        story.client.assert_ended(&story.test, interface, error);
    }

    #[test]
    fn what_is_no_fence_is_refused() {
        use zwp_linux_surface_synchronization_v1::Error;
        let mut story = story();
        story.synchronization.set_acquire_fence(memory(1).as_fd());
        story
            .client
            .assert_ended(&story.test, EXPLICIT, Error::InvalidFence);
    }

    #[test]
    fn a_commit_has_one_release() {
        use zwp_linux_surface_synchronization_v1::Error;
        let mut story = story();
        let handle = story.client.handle();
        story.synchronization.get_release(&handle, ());
        story.synchronization.get_release(&handle, ());
        story
            .client
            .assert_ended(&story.test, EXPLICIT, Error::DuplicateRelease);
    }

    #[test]
    fn a_release_needs_a_buffer() {
        use zwp_linux_surface_synchronization_v1::Error;
        let mut story = story();
        commit(&story.window.surface, &story.client.buffer());
        story
            .synchronization
            .get_release(&story.client.handle(), ());
        story.window.surface.commit();
        story
            .client
            .assert_ended(&story.test, EXPLICIT, Error::NoBuffer);
    }

    #[test]
    fn shared_memory_has_no_fences() {
        use zwp_linux_surface_synchronization_v1::Error;
        let mut story = story();
        story
            .synchronization
            .get_release(&story.client.handle(), ());
        commit(&story.window.surface, &story.client.shared_memory());
        story
            .client
            .assert_ended(&story.test, EXPLICIT, Error::UnsupportedBuffer);
    }

    #[test]
    fn nothing_is_synchronized_without_a_surface() {
        use zwp_linux_surface_synchronization_v1::Error;
        let mut story = story();
        let surface = story.client.surface();
        let handle = story.client.handle();
        let synchronization = story.factory.get_synchronization(&surface, &handle, ());
        surface.destroy();
        synchronization.get_release(&handle, ());
        story
            .client
            .assert_ended(&story.test, EXPLICIT, Error::NoSurface);
    }
}

mod syncobj {
    use super::*;

    struct Story {
        test: Compositor,
        client: Client,
        window: Window,
        manager: WpLinuxDrmSyncobjManagerV1,
        points: WpLinuxDrmSyncobjSurfaceV1,
        timeline: WpLinuxDrmSyncobjTimelineV1,
    }

    fn story() -> Story {
        let test = Compositor::new(Offer {
            syncobj: Syncobj::Blind,
            ..Offer::default()
        });
        let mut client = Client::new(&test);
        let window = client.window();
        let manager: WpLinuxDrmSyncobjManagerV1 = client.bind();
        let points = manager.get_surface(&window.surface, &client.handle(), ());
        let timeline = manager.import_timeline(memory(1).as_fd(), &client.handle(), ());
        Story {
            test,
            client,
            window,
            manager,
            points,
            timeline,
        }
    }

    impl Story {
        #[track_caller]
        fn assert_ended(&mut self, error: wp_linux_drm_syncobj_surface_v1::Error) {
            self.client.assert_ended(&self.test, SYNCOBJ, error);
        }
    }

    #[test]
    fn a_commit_has_its_points() {
        let mut story = story();
        let buffer = story.client.buffer();
        story.points.set_acquire_point(&story.timeline, 1, 7);
        story.points.set_release_point(&story.timeline, 1, 8);
        commit(&story.window.surface, &buffer);
        story.client.roundtrip();
        let frame = story.test.next_commit();
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
        let test = Compositor::new(Offer {
            syncobj: Syncobj::Blind,
            release_event_with_syncobj: false,
            ..Offer::default()
        });
        let mut client = Client::new(&test);
        let window = client.window();
        let manager: WpLinuxDrmSyncobjManagerV1 = client.bind();
        let points = manager.get_surface(&window.surface, &client.handle(), ());
        let timeline = manager.import_timeline(memory(1).as_fd(), &client.handle(), ());
        let buffer = client.buffer();
        points.set_acquire_point(&timeline, 0, 1);
        points.set_release_point(&timeline, 0, 2);
        commit(&window.surface, &buffer);
        client.roundtrip();
        test.release(&test.next_commit(), With::nothing());
        client.roundtrip();
        assert!(client.events_of(&buffer).is_empty());
        assert_eq!(test.held_count(), 0);
    }

    #[test]
    fn a_surface_has_one_syncobj_surface() {
        use wp_linux_drm_syncobj_manager_v1::Error;
        let mut story = story();
        let handle = story.client.handle();
        story
            .manager
            .get_surface(&story.window.surface, &handle, ());
        let interface = "wp_linux_drm_syncobj_manager_v1";
        let error = Error::SurfaceExists;
        story.client.assert_ended(&story.test, interface, error);
    }

    #[test]
    fn a_buffer_needs_an_acquire_point() {
        let mut story = story();
        story.points.set_release_point(&story.timeline, 0, 1);
        commit(&story.window.surface, &story.client.buffer());
        story.assert_ended(wp_linux_drm_syncobj_surface_v1::Error::NoAcquirePoint);
    }

    #[test]
    fn a_buffer_needs_a_release_point() {
        let mut story = story();
        story.points.set_acquire_point(&story.timeline, 0, 1);
        commit(&story.window.surface, &story.client.buffer());
        story.assert_ended(wp_linux_drm_syncobj_surface_v1::Error::NoReleasePoint);
    }

    #[test]
    fn points_need_a_buffer() {
        let mut story = story();
        story.points.set_acquire_point(&story.timeline, 0, 1);
        story.window.surface.commit();
        story.assert_ended(wp_linux_drm_syncobj_surface_v1::Error::NoBuffer);
    }

    #[test]
    fn points_need_a_dma_buf() {
        let mut story = story();
        story.points.set_acquire_point(&story.timeline, 0, 1);
        story.points.set_release_point(&story.timeline, 0, 2);
        commit(&story.window.surface, &story.client.shared_memory());
        story.assert_ended(wp_linux_drm_syncobj_surface_v1::Error::UnsupportedBuffer);
    }

    #[test]
    fn a_release_point_comes_after_the_acquire_point_of_its_timeline() {
        let mut story = story();
        story.points.set_acquire_point(&story.timeline, 0, 2);
        story.points.set_release_point(&story.timeline, 0, 2);
        commit(&story.window.surface, &story.client.buffer());
        story.assert_ended(wp_linux_drm_syncobj_surface_v1::Error::ConflictingPoints);
    }

    #[test]
    fn points_of_two_timelines_are_not_compared() {
        let mut story = story();
        let handle = story.client.handle();
        let other = story
            .manager
            .import_timeline(memory(1).as_fd(), &handle, ());
        story.points.set_acquire_point(&story.timeline, 0, 2);
        story.points.set_release_point(&other, 0, 1);
        commit(&story.window.surface, &story.client.buffer());
        story.client.roundtrip();
        assert!(story.test.next_commit().has_buffer());
    }

    #[test]
    fn no_point_is_set_without_a_surface() {
        let mut story = story();
        let surface = story.client.surface();
        let handle = story.client.handle();
        let points = story.manager.get_surface(&surface, &handle, ());
        surface.destroy();
        points.set_acquire_point(&story.timeline, 0, 1);
        story.assert_ended(wp_linux_drm_syncobj_surface_v1::Error::NoSurface);
    }
}
