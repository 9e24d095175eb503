//! Clients come and go.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use wayfence_test_compositor::{Commit, Compositor, Offer, Reason};

use crate::client::{Client, commit};

#[test]
fn commits_of_many_clients_are_told_apart() {
    let test = Compositor::new(Offer::default());
    let (first_id, first) = test.connect_as();
    let (second_id, second) = test.connect_as();
    let (mut first, mut second) = (Client::on(first), Client::on(second));
    assert_eq!(test.clients(), [first_id, second_id]);
    let (one, other) = (first.surface(), second.surface());
    let third = second.surface();
    commit(&other, &second.buffer());
    second.roundtrip();
    commit(&one, &first.buffer());
    first.roundtrip();
    commit(&third, &second.buffer());
    second.roundtrip();

    assert_eq!(test.commit_count(), 3);
    assert_eq!(test.surfaces(second_id).len(), 2);
    let [_, surface] = test.surfaces(second_id)[..] else {
        panic!("two surfaces")
    };
    let of_third = test.next_commit_of(surface);
    let of_first = test.next_commit_of_client(first_id);
    let of_second = test.next_commit();
    let serials = [&of_second, &of_first, &of_third].map(|commit| commit.serial);
    assert_eq!(serials, [1, 2, 3]);
    assert!(of_second.at <= of_first.at && of_first.at <= of_third.at);
    let none = test.commit_within(Duration::from_millis(1), Commit::has_buffer);
    assert!(none.is_none());
}

#[test]
fn a_client_that_leaves_takes_its_objects_along() {
    let test = Compositor::new(Offer::default());
    let (id, socket) = test.connect_as();
    let mut client = Client::on(socket);
    commit(&client.surface(), &client.buffer());
    client.roundtrip();
    let frame = test.next_commit();
    drop(client);
    let end = test.next_disconnection();
    assert_eq!((end.client, end.reason), (id, Reason::Closed));
    assert!(test.clients().is_empty() && test.surfaces(id).is_empty());
    assert!(test.buffers(id).is_empty());
    // The memory is the test's for as long as it wants.
    assert_eq!(frame.buffer().width, 32);
}

#[test]
fn the_compositor_ends_a_connection() {
    let test = Compositor::new(Offer::default());
    let (id, socket) = test.connect_as();
    let mut client = Client::on(socket);
    let (other, socket) = test.connect_as();
    let mut bystander = Client::on(socket);
    test.disconnect(id);
    assert!(client.queue.roundtrip(&mut client.heard).is_err());
    assert!(client.connection.protocol_error().is_none());
    assert_eq!(test.next_disconnection().reason, Reason::Closed);
    bystander.roundtrip();

    // wl_display.error.implementation
    test.disconnect_with_error(other, 3, "out of order");
    bystander.assert_ended(&test, "wl_display", 3_u32);
}

#[test]
fn the_compositors_end_is_everybodys() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    drop(test);
    assert!(client.queue.roundtrip(&mut client.heard).is_err());
}

#[test]
fn clients_may_knock() {
    let test = Compositor::new(Offer::default());
    let path = test.listen();
    let mut client = Client::on(UnixStream::connect(&path).unwrap());
    commit(&client.surface(), &client.buffer());
    client.roundtrip();
    assert!(test.next_commit().has_buffer());
    drop(test);
    assert!(!path.exists());
}

#[test]
fn a_frozen_compositor_reads_nothing_until_it_thaws() {
    let test = Compositor::new(Offer::default());
    let mut client = Client::new(&test);
    let surface = client.surface();
    let buffer = client.buffer();
    client.roundtrip();
    let frozen = test.freeze();
    commit(&surface, &buffer);
    client.connection.flush().unwrap();
    let while_frozen = test.commit_within(Duration::from_millis(50), Commit::has_buffer);
    assert!(while_frozen.is_none());
    drop(frozen);
    test.settled();
    assert_eq!(test.take_commits().len(), 1);
}

#[test]
fn settled_is_after_everything_that_was_sent() {
    let test = Compositor::new(Offer::default());
    let client = Client::new(&test);
    let surface = client.surface();
    for count in 1..=200 {
        surface.commit();
        client.connection.flush().unwrap();
        test.settled();
        assert_eq!(test.commit_count(), count);
    }
}
