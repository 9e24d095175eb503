//! Commits and releases.

use rustix::io::Errno;
use wayfence::dma_buf::Access;
use wayfence::error::Error;
use wayfence_test_compositor::{Compositor, Offer, With};

use crate::client::{Client, commit};

#[test]
fn a_frame_goes_out_and_its_buffer_comes_back() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let window = client.window();
    let buffer = client.buffer();
    let callback = window.surface.frame(&client.handle(), ());
    commit(&window.surface, &buffer);
    client.connection.flush().unwrap();

    let frame = test.next_commit();
    assert_eq!(frame.frame_callbacks, 1);
    assert_eq!((frame.buffer().width, frame.buffer().height), (64, 64));
    assert!(!frame.still_held);
    assert_eq!(test.held_count(), 1);
    client.roundtrip();
    assert!(client.events_of(&buffer).is_empty());
    assert!(client.events_of(&callback).is_empty());

    test.frame_done(frame.surface);
    client.roundtrip();
    assert_eq!(client.events_of(&callback).len(), 1);
    assert!(client.events_of(&buffer).is_empty());

    test.release(&frame, With::nothing());
    client.roundtrip();
    assert_eq!(client.events_of(&buffer), ["Release"]);
    assert_eq!(test.held_count(), 0);
}

/// Plain memory has no fences, and the compositor says so.
#[test]
fn what_is_no_dma_buf_has_no_fences() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let window = client.window();
    commit(&window.surface, &client.buffer());
    client.roundtrip();
    let frame = test.next_commit();
    assert!(frame.fences().acquire().is_none());
    for access in [Access::Read, Access::Write] {
        assert!(matches!(
            frame.fences().implicit(access),
            Some(Err(Error::Kernel {
                errno: Errno::NOTTY,
                ..
            }))
        ));
    }
}
