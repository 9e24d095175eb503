//! Commits and releases.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use wayfence::dma_buf::Access;
use wayfence::error::Error;
use wayfence::sync_file::SyncFile;
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
    assert_eq!((frame.buffer().width, frame.buffer().height), (32, 32));
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

/// Plain memory has no fences.
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

#[test]
fn a_release_may_be_wrong() {
    let test = Compositor::new(Offer::default());
    let (id, socket) = test.connect_as();
    let mut client = Client::on(socket);
    let surface = client.surface();
    let (used, unused) = (client.buffer(), client.buffer());
    commit(&surface, &used);
    client.roundtrip();
    let frame = test.next_commit();
    test.release(&frame, With::nothing());
    assert!(test.try_release(&frame, With::nothing()).is_err());
    assert!(test.misbehave().release_event(frame.buffer()));
    let [_, never] = &test.buffers(id)[..] else {
        panic!("two buffers")
    };
    assert!(test.misbehave().release_event(never));
    client.roundtrip();
    assert_eq!(client.events_of(&used), ["Release", "Release"]);
    assert_eq!(client.events_of(&unused), ["Release"]);
    unused.destroy();
    client.roundtrip();
    assert!(!test.misbehave().release_event(never));
}

/// A fence that cannot be passed on is an error, and no release.
#[test]
fn a_fence_needs_a_dma_buf() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let buffer = client.buffer();
    commit(&client.surface(), &buffer);
    client.roundtrip();
    let frame = test.next_commit();
    let (reader, _writer) = std::io::pipe().unwrap();
    let fence = SyncFile::from(OwnedFd::from(reader));
    for with in [With::readers(&[&fence]), With::writers(&[&fence])] {
        assert!(matches!(
            test.try_release(&frame, with),
            Err(Error::Kernel {
                errno: Errno::NOTTY,
                ..
            })
        ));
    }
    client.roundtrip();
    assert!(client.events_of(&buffer).is_empty());
    assert_eq!(test.held_count(), 1);
}
