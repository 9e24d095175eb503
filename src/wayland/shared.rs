//! An object of which a surface may have one.

use std::sync::{Arc, Mutex, Weak};

use crate::{error::Result, lock::lock};

/// The one object of its kind that a surface may have, shared by the swapchains that use it.
pub(super) struct Shared<T>(Mutex<Weak<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(Mutex::new(Weak::new()))
    }
}

impl<T> Shared<T> {
    /// The object, made if there is none.
    pub(super) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut known = lock(&self.0);
        if let Some(object) = known.upgrade() {
            return Ok(object);
        }
        let object = Arc::new(make()?);
        *known = Arc::downgrade(&object);
        Ok(object)
    }

    /// The object, if there is one.
    pub(super) fn living(&self) -> Option<Arc<T>> {
        lock(&self.0).upgrade()
    }
}
