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
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use ash::vk;

/// `VK_DRIVER_ID_MESA_HONEYKRISP`.
const MESA_HONEYKRISP: vk::DriverId = vk::DriverId::from_raw(26);

/// The exportable ones among a device's semaphores.
#[derive(Default)]
pub struct Waits(RwLock<HashSet<vk::Semaphore>>);

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
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(semaphore);
    }

    /// Forgets one that is destroyed, or of which nobody knows what it now holds.
    pub fn forget(&self, semaphore: vk::Semaphore) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&semaphore);
    }

    /// Whether its payload can be exported.
    pub fn has(&self, semaphore: vk::Semaphore) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&semaphore)
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
