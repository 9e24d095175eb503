//! Surfaces and xdg-shell.

use wayfence_test_compositor::{Attached, Compositor, Offer};
use wayland_client::protocol::wl_surface;
use wayland_protocols::xdg::shell::client::{xdg_surface, xdg_wm_base::XdgWmBase};

use crate::client::{Client, commit};

#[test]
fn a_window_is_asked_for_its_size_and_says_when_it_follows() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let window = client.window();
    assert_eq!(
        client.events_of(&window.toplevel),
        ["Configure { width: 0, height: 0, states: [] }"]
    );
    let buffer = client.buffer();
    commit(&window.surface, &buffer);
    client.roundtrip();
    let frame = test.next_commit();
    let serial = test.configure(frame.surface, 300, 200);
    client.roundtrip();
    assert_eq!(
        client.events_of(&window.toplevel),
        ["Configure { width: 300, height: 200, states: [] }"]
    );
    window.xdg.ack_configure(serial);
    commit(&window.surface, &buffer);
    client.roundtrip();
    let followed = test.next_commit();
    assert_ne!(frame.configured, Some(serial));
    assert_eq!(followed.configured, Some(serial));
    // It was not given back.
    assert!(followed.still_held);
    test.close(frame.surface);
    client.roundtrip();
    assert_eq!(client.events_of(&window.toplevel), ["Close"]);
}

#[test]
fn an_unmapped_window_is_configured_anew() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let window = client.window();
    commit(&window.surface, &client.buffer());
    window.surface.attach(None, 0, 0);
    window.surface.commit();
    client.roundtrip();
    let unmapped =
        test.next_commit_that("unmaps", |commit| matches!(commit.attached, Attached::Null));
    assert!(!unmapped.has_buffer());
    assert_eq!(client.heard.configure, None);
    window.surface.commit();
    client.roundtrip();
    assert!(client.heard.configure.is_some());
}

#[test]
fn a_window_without_a_configure_has_no_buffer() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let shell: XdgWmBase = client.bind();
    let surface = client.surface();
    let xdg = shell.get_xdg_surface(&surface, &client.handle(), ());
    xdg.get_toplevel(&client.handle(), ());
    commit(&surface, &client.buffer());
    let error = xdg_surface::Error::UnconfiguredBuffer;
    client.assert_ended(&test, "xdg_surface", error);
}

#[test]
fn only_what_was_sent_is_acknowledged_and_once() {
    let test = Compositor::new(Offer::default());
    for twice in [false, true] {
        let mut client = Client::new(&test);
        let window = client.window();
        let serial = match twice {
            true => test.configure(test.surfaces(test.clients()[0])[0], 1, 1),
            false => 4711,
        };
        if twice {
            window.xdg.ack_configure(serial);
            client.roundtrip();
        }
        window.xdg.ack_configure(serial);
        let error = xdg_surface::Error::InvalidSerial;
        client.assert_ended(&test, "xdg_surface", error);
    }
}

#[test]
fn roles_go_before_their_surfaces() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let window = client.window();
    window.xdg.destroy();
    let error = xdg_surface::Error::DefunctRoleObject;
    client.assert_ended(&test, "xdg_surface", error);

    let mut client = Client::new(&test);
    let window = client.window();
    window.surface.destroy();
    let error = wl_surface::Error::DefunctRoleObject;
    client.assert_ended(&test, "wl_surface", error);

    let mut client = Client::new(&test);
    let window = client.window();
    window.toplevel.destroy();
    window.xdg.destroy();
    window.surface.destroy();
    window.shell.destroy();
    client.roundtrip();
    assert!(test.surfaces(test.clients()[0]).is_empty());
}

#[test]
fn the_state_of_a_surface_is_checked() {
    type Break = fn(&Client, &wl_surface::WlSurface);
    let stories: [(Break, wl_surface::Error); 4] = [
        (
            |_, surface| surface.set_buffer_scale(0),
            wl_surface::Error::InvalidScale,
        ),
        (
            |client, surface| {
                surface.set_buffer_scale(3);
                commit(surface, &client.buffer());
            },
            wl_surface::Error::InvalidSize,
        ),
        (
            |client, surface| surface.attach(Some(&client.buffer()), 1, 0),
            wl_surface::Error::InvalidOffset,
        ),
        (
            |client, surface| {
                // An enum of the protocol has no value that is none; the wire has.
                use wayland_client::Proxy;
                use wayland_client::backend::protocol::{Argument, Message};
                let args = [Argument::Int(8)].into_iter().collect();
                let message = Message {
                    sender_id: surface.id(),
                    opcode: 7,
                    args,
                };
                let backend = client.connection.backend();
                backend.send_request(message, None, None).unwrap();
            },
            wl_surface::Error::InvalidTransform,
        ),
    ];
    let test = Compositor::new(Offer::default());
    for (break_it, error) in stories {
        let mut client = Client::new(&test);
        let surface = client.surface();
        break_it(&client, &surface);
        client.assert_ended(&test, "wl_surface", error);
    }
}
