//! The results of a present: one for each swapchain, and one for the whole.

use ash::vk;

use crate::catalogue::per_swapchain::Few;

/// Writes the result of each swapchain, if the application asks for them.
///
/// # Safety
/// `info` is that of a valid `vkQueuePresentKHR` with so many swapchains.
pub(super) unsafe fn tell(info: &vk::PresentInfoKHR<'_>, results: &[vk::Result]) {
    if !info.p_results.is_null() {
        for (at, result) in results.iter().enumerate() {
            // SAFETY: room for one result a swapchain by the specification.
            unsafe { *info.p_results.add(at) = *result };
        }
    }
}

/// The same with one result for all, which it answers.
///
/// # Safety
/// As [`tell`].
pub(super) unsafe fn tell_all(info: &vk::PresentInfoKHR<'_>, result: vk::Result) -> vk::Result {
    let results: Few<vk::Result> = (0..info.swapchain_count).map(|_| result).collect();
    // SAFETY: the caller guarantees it.
    unsafe { tell(info, &results) };
    result
}

/// The result of a present as a whole. "If multiple swapchains are presented, the result code is determined by
/// applying the following rules in order": the loss of the device, that of a surface, a swapchain that is out
/// of date, one that is suboptimal. Other errors come before non-errors.
pub(super) fn worst(results: &[vk::Result]) -> vk::Result {
    let rank = |result: &vk::Result| match *result {
        vk::Result::ERROR_DEVICE_LOST => 0,
        vk::Result::ERROR_SURFACE_LOST_KHR => 1,
        vk::Result::ERROR_OUT_OF_DATE_KHR => 2,
        error if error.as_raw() < 0 => 3,
        vk::Result::SUBOPTIMAL_KHR => 4,
        vk::Result::SUCCESS => 6,
        _ => 5,
    };
    let worst = results.iter().copied().min_by_key(rank);
    worst.unwrap_or(vk::Result::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_result_is_that_of_the_present() {
        use vk::Result as Is;
        for (results, expected) in [
            (&[] as &[_], Is::SUCCESS),
            (&[Is::SUCCESS, Is::SUCCESS], Is::SUCCESS),
            (&[Is::SUCCESS, Is::SUBOPTIMAL_KHR], Is::SUBOPTIMAL_KHR),
            (
                &[Is::SUBOPTIMAL_KHR, Is::ERROR_UNKNOWN, Is::SUCCESS],
                Is::ERROR_UNKNOWN,
            ),
            (
                &[Is::ERROR_UNKNOWN, Is::ERROR_OUT_OF_DATE_KHR],
                Is::ERROR_OUT_OF_DATE_KHR,
            ),
            (
                &[Is::ERROR_OUT_OF_DATE_KHR, Is::ERROR_SURFACE_LOST_KHR],
                Is::ERROR_SURFACE_LOST_KHR,
            ),
            (
                &[Is::ERROR_SURFACE_LOST_KHR, Is::ERROR_DEVICE_LOST],
                Is::ERROR_DEVICE_LOST,
            ),
        ] {
            assert_eq!(worst(results), expected, "{results:?}");
        }
    }
}
