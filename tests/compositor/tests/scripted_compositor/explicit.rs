//! A client whose window has explicit synchronisation.

use wayfence_test_compositor::{Commit, Compositor, Offer};
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_buffer_release_v1::ZwpLinuxBufferReleaseV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_explicit_synchronization_v1::ZwpLinuxExplicitSynchronizationV1;
use wayland_protocols::wp::linux_explicit_synchronization::zv1::client::zwp_linux_surface_synchronization_v1::{
    Error, ZwpLinuxSurfaceSynchronizationV1,
};

use crate::client::{Client, Window};

/// The client, and its compositor.
pub struct Explicit {
    pub test: Compositor,
    pub client: Client,
    pub window: Window,
    pub factory: ZwpLinuxExplicitSynchronizationV1,
    /// Of the window.
    pub synchronization: ZwpLinuxSurfaceSynchronizationV1,
}

impl Explicit {
    pub fn new() -> Self {
        let test = Compositor::new(Offer {
            explicit: true,
            ..Offer::default()
        });
        let mut client = Client::new(&test);
        let window = client.window();
        let factory: ZwpLinuxExplicitSynchronizationV1 = client.bind();
        let synchronization = factory.get_synchronization(&window.surface, &client.handle(), ());
        Self {
            test,
            client,
            window,
            factory,
            synchronization,
        }
    }

    /// Asks for the release of the next commit.
    pub fn release(&self) -> ZwpLinuxBufferReleaseV1 {
        self.synchronization.get_release(&self.client.handle(), ())
    }

    /// Shows the buffer in the window. Answers what the compositor has seen.
    #[track_caller]
    pub fn show(&mut self, buffer: &WlBuffer) -> Commit {
        let Self { test, client, .. } = self;
        client.show(test, &self.window.surface, buffer)
    }

    /// The compositor ends the client with this error of the window's synchronisation.
    #[track_caller]
    pub fn assert_ended(&mut self, error: Error) {
        let interface = "zwp_linux_surface_synchronization_v1";
        self.client.assert_ended(&self.test, interface, error);
    }
}
