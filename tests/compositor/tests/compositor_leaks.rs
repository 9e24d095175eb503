//! A compositor leaks no descriptors, so a test with one can count its own. Alone in its process, since other
//! tests' descriptors come and go.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use wayfence_test_compositor::{Behaviour, Compositor, Offer, Syncobj};
use wayland_client::Connection;

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn a_compositor_leaves_nothing() {
    let life = || {
        let test = Compositor::new(Offer {
            explicit: true,
            syncobj: Syncobj::Blind,
            behaviour: Behaviour::Automatic {
                refresh: Duration::from_millis(1),
            },
            ..Offer::default()
        });
        let path = test.listen();
        let _connection = Connection::from_socket(test.connect()).unwrap();
        let knocking = UnixStream::connect(path).unwrap();
        drop(knocking);
        test.settled();
        let frozen = test.freeze();
        drop(frozen);
    };
    // The first loads libraries.
    life();
    let before = (descriptors(), threads());
    for _ in 0..10 {
        life();
    }
    assert_eq!((descriptors(), threads()), before);
}
