//! A film of 24 frames a second on displays of 60 and 75 Hz, each frame meant for its time
//! (`VK_EXT_present_timing`): how far from that it is shown.

use std::time::Duration;

use ash::{khr, vk};
use wayfence::trace::now;
use wayfence_test_compositor::{Behaviour, Compositor, Offer};
use wayfence_tests::present_timing::{self as timing, Asked, NEAREST, PIXEL_OUT};
use wayfence_tests::registry::{
    CREATE_PRESENT_ID_2, CREATE_PRESENT_TIMING, PRESENT_ID_2_FEATURES, PRESENT_ID2,
    PRESENT_STAGE_LOCAL, PRESENT_TIMING, PRESENT_TIMING_FEATURES,
};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Wanted};

const FRAMES: u64 = 96;
const SECOND: u64 = 1_000_000_000;
const FRAME: u64 = SECOND / 24;

/// `VkPhysicalDevicePresentTimingFeaturesEXT`, all of them.
#[repr(C)]
struct TimingFeatures {
    s_type: vk::StructureType,
    p_next: *mut std::ffi::c_void,
    features: [vk::Bool32; 3],
}

/// How far the frames were shown from when they were meant to be, in nanoseconds.
fn play(hertz: u64) -> Vec<i64> {
    let refresh = SECOND / hertz;
    let compositor = Compositor::new(Offer {
        fifo: true,
        commit_timing: true,
        behaviour: Behaviour::Automatic {
            refresh: Duration::from_nanos(refresh),
        },
        ..Offer::default()
    });
    let mut timed = TimingFeatures {
        s_type: PRESENT_TIMING_FEATURES,
        p_next: std::ptr::null_mut(),
        features: [vk::TRUE; 3],
    };
    let mut numbered = wayfence_tests::present_wait::feature(PRESENT_ID_2_FEATURES);
    numbered.p_next = (&raw mut timed).cast();
    let mut features = vk::PhysicalDeviceFeatures2 {
        p_next: (&raw mut numbered).cast(),
        ..Default::default()
    };
    let extensions = [
        PRESENT_ID2,
        khr::calibrated_timestamps::NAME,
        PRESENT_TIMING,
    ];
    let app = Application::at_with(compositor.connect(), &[], &extensions, &mut features);
    let flags = CREATE_PRESENT_ID_2.as_raw() | CREATE_PRESENT_TIMING.as_raw();
    let mut swapchain = app.swapchain_with(Wanted {
        flags: vk::SwapchainCreateFlagsKHR::from_raw(flags),
        ..Wanted::default()
    });
    let sized = timing::set_queue_size(&swapchain, 16);
    assert_eq!(sized, vk::Result::SUCCESS);
    let domain = timing::domain(&swapchain, PRESENT_STAGE_LOCAL).unwrap();
    let start = now() + SECOND / 2;
    let mut off = Vec::new();
    for id in 1..=FRAMES {
        let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
        swapchain.draw_now(index).unwrap();
        let asked = Asked {
            flags: NEAREST,
            target: start + id * FRAME,
            domain,
            stages: PIXEL_OUT,
        };
        timing::present(&swapchain, index, id, asked).unwrap();
        let told = timing::past(&swapchain, 0, 16).frames;
        off.extend(
            told.iter()
                .map(|told| told.at(PIXEL_OUT).unwrap() as i64 - told.target as i64),
        );
    }
    app.device.wait_idle().unwrap();
    drop(swapchain);
    let errors = compositor.protocol_errors();
    assert!(errors.is_empty(), "{errors:?}");
    off
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_film_is_shown_at_the_refreshes_nearest_to_its_frames() {
    let _watchdog = Watchdog::new(Duration::from_secs(100), "a film");
    for hertz in [60, 75] {
        let mut off = play(hertz);
        // The display's refresh is known after the first frame.
        off.remove(0);
        let half = (SECOND / hertz / 2) as i64;
        let mean = off.iter().sum::<i64>() / off.len() as i64;
        let (least, most) = (off.iter().min().unwrap(), off.iter().max().unwrap());
        let near = off.iter().filter(|off| off.abs() <= half).count();
        println!(
            "{hertz} Hz: {} frames, off by {:.1} ms on average, by {:.1} to {:.1} ms, {near} of them \
             by half a refresh at most",
            off.len(),
            mean as f64 / 1e6,
            *least as f64 / 1e6,
            *most as f64 / 1e6,
        );
        // A machine that is emulated, or loaded, may miss some.
        assert!(off.len() > 80 && near * 10 >= off.len() * 9, "{off:?}");
    }
}
