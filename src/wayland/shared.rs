//! An object of which a surface may have one.

use std::ops::Deref;

use super::sync::{Arc, Mutex, Weak, lock};
use crate::error::Result;

/// The one object of its kind that a surface may have, shared by the swapchains that use it.
///
/// One goes, and the next is made, under one lock: an `Arc` that has no owner left may not have destroyed its
/// object yet, and a second one is a protocol error.
pub(super) struct Shared<T>(Arc<Mutex<Weak<T>>>);

/// A use of the object. It goes with the last of these.
pub(crate) struct Lease<T> {
    /// There until it is dropped.
    object: Option<Arc<T>>,
    of: Arc<Mutex<Weak<T>>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(Arc::new(Mutex::new(Weak::new())))
    }
}

impl<T> Shared<T> {
    /// The object, which is made if nobody has it.
    pub(super) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<Lease<T>> {
        let mut known = lock(&self.0);
        let object = match known.upgrade() {
            Some(object) => object,
            None => {
                let object = Arc::new(make()?);
                *known = Arc::downgrade(&object);
                object
            }
        };
        drop(known);
        Ok(Lease {
            object: Some(object),
            of: Arc::clone(&self.0),
        })
    }

    /// Uses the object, if somebody has it.
    pub(super) fn with_living(&self, apply: impl FnOnce(&T)) {
        let known = lock(&self.0);
        if let Some(object) = known.upgrade() {
            apply(&object);
        }
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.object {
            Some(object) => object,
            None => unreachable!("it is being dropped"),
        }
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        let _nobody_makes_another = lock(&self.of);
        self.object = None;
    }
}
