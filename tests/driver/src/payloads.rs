//! Payloads of another kind than a sync_file (`OPAQUE_FD`), which are played: such a payload has signalled, and no sync_file
//! can be exported from the semaphore until a wait removes the payload, if it is temporary.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ash::vk;

/// Semaphores with such a payload, and whether it is temporary.
fn opaque() -> MutexGuard<'static, BTreeMap<vk::Semaphore, bool>> {
    static OPAQUE: Mutex<BTreeMap<vk::Semaphore, bool>> = Mutex::new(BTreeMap::new());
    OPAQUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a semaphore has such a payload.
pub fn is_opaque(semaphore: vk::Semaphore) -> bool {
    opaque().contains_key(&semaphore)
}

/// A semaphore gets one.
pub fn imported(semaphore: vk::Semaphore, is_temporary: bool) {
    opaque().insert(semaphore, is_temporary);
}

/// A queue waits for these.
pub fn waited(semaphores: &[vk::Semaphore]) {
    opaque().retain(|semaphore, is_temporary| !*is_temporary || !semaphores.contains(semaphore));
}

/// A semaphore is destroyed.
pub fn destroyed(semaphore: vk::Semaphore) {
    opaque().remove(&semaphore);
}
