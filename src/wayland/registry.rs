//! What is known by the address of an object of the application's, as long as somebody uses it.

use std::collections::HashMap;

use super::sync::{Arc, Mutex, Weak, lock};

/// Objects by an address: while one is in use, no other has that.
pub(super) struct Registry<T>(Mutex<Option<HashMap<usize, Weak<T>>>>);

impl<T> Registry<T> {
    pub(super) const fn new() -> Self {
        Registry(Mutex::new(None))
    }

    /// The one at this address, if somebody uses it.
    pub(super) fn known(&self, address: usize) -> Option<Arc<T>> {
        lock(&self.0).as_ref()?.get(&address)?.upgrade()
    }

    /// Keeps a new one, which was made without a lock: two threads may get here with the same address, and the
    /// first wins. The other one's goes.
    pub(super) fn keep(&self, address: usize, new: Arc<T>) -> Arc<T> {
        let mut all = lock(&self.0);
        let all = all.get_or_insert_default();
        all.retain(|_, one| one.strong_count() > 0);
        if let Some(other) = all.get(&address).and_then(Weak::upgrade) {
            return other;
        }
        all.insert(address, Arc::downgrade(&new));
        new
    }
}
