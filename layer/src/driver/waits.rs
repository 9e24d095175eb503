//! The application's binary semaphores whose payload can become a sync_file: a present that waits for one
//! of them takes that, and needs no submission.
//!
//! "Exporting a semaphore payload to a handle with copy transference has the same side effects on the source
//! semaphore's payload as executing a semaphore wait operation": exporting `SYNC_FD` is the present's wait, and
//! gives the fence for the compositor, in one.
//! But a semaphore can be exported only if it was made for it ("handleType must have been included in
//! VkExportSemaphoreCreateInfo::handleTypes", VUID-VkSemaphoreGetFdInfoKHR-handleType-01132). So those that
//! the application makes on such a device are made for it, where that makes them no other semaphores:
//!
//! | driver | | because |
//! | --- | --- | --- |
//! | Mesa's with DRM syncobjs (RADV, ANV, NVK, Turnip, PanVK, V3DV, Honeykrisp), lavapipe | yes | every binary semaphore is the same object, whatever it is exported as (`get_semaphore_sync_type` in `src/vulkan/runtime/vk_semaphore.c` takes the first type that can, and they have one) |
//! | Venus | no | an external semaphore takes another way through the host |
//! | all others | no | nothing is known of what an exportable semaphore costs there |

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use ash::vk;

/// `VK_DRIVER_ID_MESA_HONEYKRISP`.
const MESA_HONEYKRISP: vk::DriverId = vk::DriverId::from_raw(26);

/// The exportable ones among a device's semaphores.
#[derive(Default)]
pub struct Waits {
    known: RwLock<HashMap<vk::Semaphore, Payload>>,
    /// How many of them have a payload of another kind for a time: most applications have none.
    others: AtomicUsize,
}

/// What is in a semaphore that was made to be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// Its own, or a sync_file: both can be exported.
    Exportable,
    /// One of another kind: "If the import is temporary, the implementation must restore the semaphore to its prior
    /// permanent state after submitting the next semaphore wait operation" (Importing Semaphore Payloads). A wait in
    /// a submission of the application's is not seen, so that a present may submit where an export would do, once.
    Other,
}

impl Waits {
    /// Whether semaphores of this driver that are made to be exported are as good as any.
    pub fn are_free(driver: vk::DriverId) -> bool {
        matches!(
            driver,
            vk::DriverId::MESA_RADV
                | vk::DriverId::INTEL_OPEN_SOURCE_MESA
                | vk::DriverId::MESA_NVK
                | vk::DriverId::MESA_TURNIP
                | vk::DriverId::MESA_PANVK
                | vk::DriverId::MESA_V3DV
                | MESA_HONEYKRISP
                | vk::DriverId::MESA_LLVMPIPE
        )
    }

    /// Remembers one that was made to be exported.
    pub fn add(&self, semaphore: vk::Semaphore) {
        self.known().insert(semaphore, Payload::Exportable);
    }

    /// A payload was imported: a sync_file, or one of another kind, up to the next wait or for good. What was not
    /// made to be exported stays so.
    pub fn imported(&self, semaphore: vk::Semaphore, is_sync_file: bool, is_temporary: bool) {
        match (is_sync_file, is_temporary) {
            (true, _) => self.set(semaphore, Payload::Exportable),
            (false, true) => self.set(semaphore, Payload::Other),
            // The semaphore's own payload is gone.
            (false, false) => self.forget(semaphore),
        }
    }

    /// A queue waits for these, in a submission that has succeeded: what was imported up to the next wait is gone.
    pub fn waited(&self, semaphores: &[vk::Semaphore]) {
        for semaphore in semaphores {
            self.set(*semaphore, Payload::Exportable);
        }
    }

    /// Forgets one that is destroyed, or whose own payload is gone.
    pub fn forget(&self, semaphore: vk::Semaphore) {
        if self.known().remove(&semaphore) == Some(Payload::Other) {
            self.others.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether its payload can be exported.
    pub fn has(&self, semaphore: vk::Semaphore) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&semaphore) == Some(&Payload::Exportable)
    }

    fn set(&self, semaphore: vk::Semaphore, payload: Payload) {
        // In nearly every frame: nothing changes, and nobody is kept out.
        if payload == Payload::Exportable && self.others.load(Ordering::Relaxed) == 0 {
            return;
        }
        match (self.known().get_mut(&semaphore), payload) {
            (Some(now @ Payload::Exportable), Payload::Other) => {
                *now = payload;
                self.others.fetch_add(1, Ordering::Relaxed);
            }
            (Some(now @ Payload::Other), Payload::Exportable) => {
                *now = payload;
                self.others.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn known(&self) -> RwLockWriteGuard<'_, HashMap<vk::Semaphore, Payload>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ash::vk::Handle;

    use super::*;

    #[test]
    fn a_semaphore_is_known_until_it_is_forgotten() {
        let waits = Waits::default();
        let semaphore = vk::Semaphore::from_raw(7);
        assert!(!waits.has(semaphore));
        waits.add(semaphore);
        assert!(waits.has(semaphore));
        waits.forget(semaphore);
        assert!(!waits.has(semaphore));
    }

    #[test]
    fn what_is_imported_for_a_time_ends_with_the_next_wait() {
        let waits = Waits::default();
        let [semaphore, other] = [7, 8].map(vk::Semaphore::from_raw);
        waits.add(semaphore);
        waits.imported(semaphore, false, true);
        assert!(!waits.has(semaphore));
        waits.waited(&[other]);
        assert!(!waits.has(semaphore), "another was waited for");
        waits.waited(&[other, semaphore]);
        assert!(waits.has(semaphore) && !waits.has(other));
        // A sync_file takes the place of what is there for a time.
        waits.imported(semaphore, false, true);
        waits.imported(semaphore, true, true);
        assert!(waits.has(semaphore));
    }

    #[test]
    fn what_is_imported_for_good_stays() {
        let waits = Waits::default();
        let semaphore = vk::Semaphore::from_raw(7);
        waits.add(semaphore);
        waits.imported(semaphore, false, false);
        waits.waited(&[semaphore]);
        assert!(!waits.has(semaphore));
        // What is under a sync_file comes back with the next wait.
        waits.imported(semaphore, true, true);
        assert!(!waits.has(semaphore));
    }

    #[test]
    fn a_semaphore_that_was_not_made_for_it_never_is() {
        let waits = Waits::default();
        let semaphore = vk::Semaphore::from_raw(7);
        for (is_sync_file, is_temporary) in [(true, true), (false, true), (false, false)] {
            waits.imported(semaphore, is_sync_file, is_temporary);
            waits.waited(&[semaphore]);
            assert!(!waits.has(semaphore));
        }
    }

    #[test]
    fn nothing_is_presumed_of_a_driver_that_is_not_known() {
        for driver in [
            vk::DriverId::NVIDIA_PROPRIETARY,
            vk::DriverId::MESA_VENUS,
            vk::DriverId::default(),
        ] {
            assert!(!Waits::are_free(driver), "{driver:?}");
        }
    }
}
