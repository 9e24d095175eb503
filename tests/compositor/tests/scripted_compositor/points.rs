//! A client whose window has points of a timeline.

use std::os::fd::AsFd;

use wayfence_test_compositor::{Commit, Compositor, Offer, Syncobj};
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_manager_v1::WpLinuxDrmSyncobjManagerV1;
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_surface_v1::{
    Error, WpLinuxDrmSyncobjSurfaceV1,
};
use wayland_protocols::wp::linux_drm_syncobj::v1::client::wp_linux_drm_syncobj_timeline_v1::WpLinuxDrmSyncobjTimelineV1;

use crate::client::{Client, Window, memory};

/// The client, and its compositor.
pub struct Points {
    pub test: Compositor,
    pub client: Client,
    pub window: Window,
    pub manager: WpLinuxDrmSyncobjManagerV1,
    /// Of the window.
    pub points: WpLinuxDrmSyncobjSurfaceV1,
    pub timeline: WpLinuxDrmSyncobjTimelineV1,
}

impl Points {
    /// A timeline of nothing, on a compositor that does not look.
    pub fn blind() -> Self {
        let offer = Offer {
            syncobj: Syncobj::Blind,
            ..Offer::default()
        };
        Self::of(memory(1), offer)
    }

    /// This timeline, on a compositor with this offer.
    pub fn of(timeline: impl AsFd, offer: Offer) -> Self {
        let test = Compositor::new(offer);
        let mut client = Client::new(&test);
        let window = client.window();
        let manager: WpLinuxDrmSyncobjManagerV1 = client.bind();
        let points = manager.get_surface(&window.surface, &client.handle(), ());
        let timeline = manager.import_timeline(timeline.as_fd(), &client.handle(), ());
        Self {
            test,
            client,
            window,
            manager,
            points,
            timeline,
        }
    }

    /// The points of the next commit.
    pub fn set(&self, acquire: u32, release: u32) {
        self.points.set_acquire_point(&self.timeline, 0, acquire);
        self.points.set_release_point(&self.timeline, 0, release);
    }

    /// Shows the buffer in the window. Answers what the compositor has seen.
    #[track_caller]
    pub fn show(&mut self, buffer: &WlBuffer) -> Commit {
        let Self { test, client, .. } = self;
        client.show(test, &self.window.surface, buffer)
    }

    /// The compositor ends the client with this error of the window's points.
    #[track_caller]
    pub fn assert_ended(&mut self, error: Error) {
        let interface = "wp_linux_drm_syncobj_surface_v1";
        self.client.assert_ended(&self.test, interface, error);
    }
}
