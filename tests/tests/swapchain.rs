//! Behaviour of swapchains that the specification leaves open: the rest is `conformance`.

use ash::vk;
use wayfence_tests::{Application, Wanted};

/// "swapchain must not be in the retired state" (vkAcquireNextImageKHR): an application that still acquires,
/// because it learns of a resize late, gets that it is out of date.
#[test]
#[ignore = "needs a Wayland compositor: scripts/test"]
fn a_replaced_swapchain_is_out_of_date() {
    let app = Application::new();
    let mut old = app.swapchain();
    for _ in 0..3 {
        old.frame().unwrap();
    }
    let mut new = old.replaced_by(Wanted::default()).unwrap();
    for timeout in [0, 10_000_000, u64::MAX] {
        assert_eq!(
            old.acquire(timeout, vk::Semaphore::null(), vk::Fence::null()),
            Err(vk::Result::ERROR_OUT_OF_DATE_KHR)
        );
    }
    for _ in 0..3 {
        new.frame().unwrap();
    }
    drop(old);
    app.surface.window().assert_alive();
}
