//! VK_GOOGLE_display_timing.

use std::thread;
use std::time::{Duration, Instant};

use ash::{google, vk};
use wayfence::trace::now;
use wayfence_tests::Swapchain;
use wayfence_tests::stalls::Stalls;

use crate::case::cases;
use crate::frames::MILLISECOND;
use crate::outcome::Outcome;
use crate::stage::Stage;

use super::frame::{LONG, SLACK, slack, with_targets};

cases![
    google_tells_of_each_frame_once,
    google_shows_no_frame_before_its_desired_time,
];

/// The commands of VK_GOOGLE_display_timing.
struct Google<'a> {
    swapchain: &'a mut Swapchain,
    commands: google::display_timing::Device,
}

impl<'a> Google<'a> {
    fn of(stage: &Stage, swapchain: &'a mut Swapchain) -> Self {
        let instance = &stage.instance().raw;
        let commands = google::display_timing::Device::new(instance, &swapchain.device.raw);
        Google {
            swapchain,
            commands,
        }
    }

    fn frame(&mut self, id: u32, desired: u64) {
        let index = self.swapchain.acquire_and_wait(u64::MAX).unwrap();
        self.swapchain.draw_now(index).unwrap();
        let times = [vk::PresentTimeGOOGLE {
            present_id: id,
            desired_present_time: desired,
        }];
        let info = vk::PresentTimesInfoGOOGLE::default().times(&times);
        let chain = (&raw const info).cast();
        self.swapchain.present_with(index, chain).unwrap();
        self.swapchain.surface.dispatch();
    }

    fn refresh(&self) -> u64 {
        // SAFETY: the swapchain is the device's.
        let refresh = unsafe { self.commands.get_refresh_cycle_duration(self.swapchain.raw) };
        refresh.unwrap().refresh_duration
    }

    fn past(&self, many: usize) -> Vec<vk::PastPresentationTimingGOOGLE> {
        let begun = Instant::now();
        let mut told = Vec::new();
        while told.len() < many {
            assert!(begun.elapsed() < LONG, "of {many} frames {}", told.len());
            // SAFETY: the swapchain is the device's.
            let past = unsafe {
                self.commands
                    .get_past_presentation_timing(self.swapchain.raw)
            };
            told.extend(past.unwrap());
            self.swapchain.surface.dispatch();
            thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(told.len(), many);
        told
    }
}

/// "The results for a given swapchain and presentID are only returned once"
/// (VkPastPresentationTimingGOOGLE).
fn google_tells_of_each_frame_once(stage: &Stage) -> Outcome {
    let app = stage.app();
    stage.needs(google::display_timing::NAME)?;
    let mut swapchain = app.swapchain();
    let mut google = Google::of(stage, &mut swapchain);
    assert_ne!(google.refresh(), 0);
    for id in 1..=6 {
        let called = now();
        google.frame(id, 0);
        let told = google.past(1)[0];
        assert_eq!((told.present_id, told.desired_present_time), (id, 0));
        assert!(
            told.actual_present_time + SLACK > called && told.actual_present_time < now() + SLACK
        );
        assert!(told.earliest_present_time <= told.actual_present_time);
    }
    assert_ne!(google.refresh(), 0);
    Ok(())
}

/// "desiredPresentTime [...] was used by the application to indicate that an image not be presented any
/// sooner" (VkPastPresentationTimingGOOGLE).
fn google_shows_no_frame_before_its_desired_time(stage: &Stage) -> Outcome {
    let app = stage.app();
    stage.needs(google::display_timing::NAME)?;
    let mut swapchain = app.swapchain();
    with_targets(stage, &swapchain, false)?;
    let mut google = Google::of(stage, &mut swapchain);
    google.frame(1, 0);
    google.past(1);
    let stalls = Stalls::watch();
    for id in 2..=4 {
        let desired = now() + 200 * MILLISECOND;
        google.frame(id, desired);
        let begun = Instant::now();
        let returned = now();
        app.device.wait_idle().unwrap();
        // On a loaded machine it may be presented, or drawn, after its time.
        let ready = now();
        let told = google.past(1)[0];
        assert_eq!(told.desired_present_time, desired);
        let actual = told.actual_present_time;
        let after = |time: u64| (time as i64 - desired as i64) as f64 / 1e6;
        let times = [returned, ready, actual].map(after);
        assert!(actual >= desired, "{times:?} ms");
        let slack = slack(&stalls, begun);
        assert!(actual < desired.max(ready) + slack, "{times:?} ms");
        let refresh = google.refresh();
        if ready + refresh < desired {
            assert!(told.earliest_present_time < actual, "it had time");
        }
    }
    Ok(())
}
