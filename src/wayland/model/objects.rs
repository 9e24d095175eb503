//! Objects of which there may be one, while threads come and go.

use shuttle::{
    sync::{Arc, Mutex},
    thread,
};

use super::{check, registry::Registry, shared::Shared, sync::lock};

/// A compositor that allows one object of its kind, as `wp_fifo_manager_v1.get_fifo` does: "already_exists".
#[derive(Default)]
struct Compositor(Mutex<usize>);

struct Object(Arc<Compositor>);

impl Object {
    fn new(of: &Arc<Compositor>) -> Self {
        let mut objects = lock(&of.0);
        assert_eq!(*objects, 0, "a protocol error: already_exists");
        *objects += 1;
        Object(Arc::clone(of))
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        *lock(&self.0.0) -= 1;
    }
}

/// One thread destroys the swapchain that had the object while another makes one that needs it, and a third commits.
#[test]
fn a_surface_never_has_two_objects_of_a_kind() {
    check(4000, || {
        let compositor = Arc::new(Compositor::default());
        let shared = Arc::new(Shared::default());
        let make = |shared: &Shared<Object>, compositor: &Arc<Compositor>| {
            shared.get(|| Ok(Object::new(compositor))).unwrap()
        };
        let old = make(&shared, &compositor);
        let new = {
            let (shared, compositor) = (Arc::clone(&shared), Arc::clone(&compositor));
            thread::spawn(move || drop(make(&shared, &compositor)))
        };
        let commits = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.with_living(|object| assert_eq!(*lock(&object.0.0), 1));
            })
        };
        drop(old);
        new.join().unwrap();
        commits.join().unwrap();
        assert_eq!(*lock(&compositor.0), 0, "the last has taken it along");
    });
}

/// Two threads meet the same display at once.
#[test]
fn an_address_is_known_as_one_object() {
    check(4000, || {
        let registry = Arc::new(Registry::new());
        let meet = |registry: &Registry<usize>, number: usize| match registry.known(7) {
            Some(known) => known,
            None => registry.keep(7, Arc::new(number)),
        };
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let registry = Arc::clone(&registry);
                thread::spawn(move || {
                    let one = meet(&registry, number);
                    // While somebody has it, who comes later gets the same.
                    assert!(Arc::ptr_eq(&one, &meet(&registry, number)));
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(registry.known(7).is_none(), "nobody has it");
    });
}
