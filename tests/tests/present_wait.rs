//! `VK_KHR_present_wait` and `VK_KHR_present_wait2`: a wait for a frame ends when the frame was shown, or never
//! will be.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ash::{khr, vk};
use wayfence_test_compositor::{Behaviour, Commit, Compositor, Offer, Presented, With};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::instance::{Instance, Options};
use wayfence_tests::present_wait::Generation::{self, One, Two};
use wayfence_tests::present_wait::{FEATURES, FLAGS, NAMES, chained, feature};
use wayfence_tests::registry::{
    SURFACE_CAPABILITIES_PRESENT_ID_2, SURFACE_CAPABILITIES_PRESENT_WAIT_2,
};
use wayfence_tests::stalls::Stalls;
use wayfence_tests::too_slow::{TooSlow, judged, took};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Device, Surface, Swapchain, Wanted, Window, layers};

const FOREVER: u64 = u64::MAX;
const SHORT: Duration = Duration::from_millis(100);
/// After how long a frame without feedback counts as hidden.
const UNHEARD: Duration = Duration::from_secs(1);
/// For an emulated machine.
const SLACK: Duration = Duration::from_secs(2);

struct Play {
    compositor: Arc<Compositor>,
    app: Application,
    stalls: Stalls,
    _watchdog: Watchdog,
}

impl Play {
    fn new(offer: Offer) -> Self {
        let watchdog = Watchdog::new(Duration::from_secs(100), "waits for frames");
        let compositor = Arc::new(Compositor::new(offer));
        let mut features: Vec<_> = FEATURES.into_iter().map(feature).collect();
        let mut chain = chained(&mut features);
        let app = Application::at_with(compositor.connect(), &[], &NAMES, &mut chain);
        Self {
            compositor,
            app,
            stalls: Stalls::watch(),
            _watchdog: watchdog,
        }
    }

    fn swapchain(&self, wanted: Wanted) -> Swapchain {
        self.app.swapchain_with(Wanted {
            flags: FLAGS,
            ..wanted
        })
    }

    /// Asserts that a wait ends by its timeout.
    fn nothing_yet(
        &self,
        swapchain: &Swapchain,
        generation: Generation,
        id: u64,
        committed: Instant,
    ) -> Result<(), TooSlow> {
        let at_once = generation.wait(swapchain, id, 0);
        let begun = Instant::now();
        let answer = generation.wait(swapchain, id, SHORT.as_nanos() as u64);
        let took = begun.elapsed();
        self.before_it_is_unheard(committed)?;
        assert_eq!([at_once, answer], [vk::Result::TIMEOUT; 2]);
        assert!(took >= SHORT, "{took:?}");
        Ok(())
    }

    /// Asserts that the frame is over by the compositor's events.
    fn is_told(
        &self,
        swapchain: &Swapchain,
        generation: Generation,
        id: u64,
        committed: Instant,
    ) -> Result<(), TooSlow> {
        assert_eq!(generation.wait(swapchain, id, 0), vk::Result::SUCCESS);
        self.before_it_is_unheard(committed)
    }

    /// Asserts that no wait has ended for lack of feedback.
    fn before_it_is_unheard(&self, committed: Instant) -> Result<(), TooSlow> {
        let took = took(&self.stalls, committed, UNHEARD)?;
        assert!(took < UNHEARD, "too slow to tell why: {took:?}");
        Ok(())
    }

    fn end(self) {
        self.app.device.wait_idle().expect("an idle device");
        drop(self.app);
        let errors = self.compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// Presents an image that is held, as the frame with this number.
fn present(swapchain: &mut Swapchain, index: u32, generation: Generation, id: u64) {
    swapchain.draw_now(index).unwrap();
    generation.present(swapchain, index, id);
}

fn acquire_and_present(swapchain: &mut Swapchain, generation: Generation, id: u64) {
    let index = swapchain.acquire_and_wait(FOREVER).unwrap();
    present(swapchain, index, generation, id);
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_wait_ends_when_the_frame_is_shown() {
    judged(|| {
        let play = Play::new(Offer::default());
        let mut swapchain = play.swapchain(Wanted::mailbox());
        let mut id = 0;
        for generation in [One, Two] {
            for _ in 0..2 {
                id += 5;
                let index = swapchain.acquire_and_wait(FOREVER).unwrap();
                let committed = Instant::now();
                present(&mut swapchain, index, generation, id);
                let frame = play.compositor.next_commit();
                assert_eq!(frame.feedbacks, 1);
                play.nothing_yet(&swapchain, generation, id, committed)?;
                play.compositor.presented(&frame, Presented::default());
                play.compositor.release(&frame, With::nothing());
                for id in [id - 1, id] {
                    play.is_told(&swapchain, generation, id, committed)?;
                }
            }
        }
        // Without a number nothing asks when it is shown.
        swapchain.frame().unwrap();
        assert_eq!(play.compositor.next_commit().feedbacks, 0);
        drop(swapchain);
        play.end();
        Ok(())
    });
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_wait_ends_when_the_frame_is_discarded() {
    judged(|| {
        let play = Play::new(Offer::default());
        let mut swapchain = play.swapchain(Wanted::mailbox());
        let committed = Instant::now();
        acquire_and_present(&mut swapchain, Two, 1);
        acquire_and_present(&mut swapchain, Two, 2);
        let replaced = play.compositor.next_commit();
        play.nothing_yet(&swapchain, Two, 1, committed)?;
        play.compositor.discarded(&replaced);
        play.is_told(&swapchain, Two, 1, committed)?;
        let answer = Two.wait(&swapchain, 2, 0);
        play.before_it_is_unheard(committed)?;
        assert_eq!(answer, vk::Result::TIMEOUT);
        drop(swapchain);
        play.end();
        Ok(())
    });
}

/// The frame callback then says that the compositor has begun to show the frame, or its replacement.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn without_presentation_times_the_frame_callback_ends_a_wait() {
    judged(|| {
        let play = Play::new(Offer {
            presentation: None,
            ..Offer::default()
        });
        // In FIFO the second frame would also wait for the first one's callback.
        for (wanted, last) in [(Wanted::default(), 1), (Wanted::mailbox(), 2)] {
            let mut swapchain = play.swapchain(wanted);
            let committed = Instant::now();
            for id in 1..=last {
                acquire_and_present(&mut swapchain, One, id);
            }
            let first = play.compositor.next_commit();
            play.nothing_yet(&swapchain, One, 1, committed)?;
            play.compositor.frame_done(first.surface);
            play.is_told(&swapchain, One, last, committed)?;
            drop(swapchain);
            play.compositor.take_commits();
        }
        play.end();
        Ok(())
    });
}

/// A hidden window's callbacks all come at once when it is shown again, which ends a client whose socket cannot take
/// them: few are asked for, and the waits end without.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_hidden_window_without_presentation_times_piles_up_no_frame_callbacks() {
    const FRAMES: u64 = 200;
    judged(|| {
        let play = Play::new(Offer {
            presentation: None,
            behaviour: Behaviour::Automatic {
                refresh: Duration::from_millis(4),
            },
            ..Offer::default()
        });
        let mut swapchain = play.swapchain(Wanted::mailbox());
        let client = play.compositor.clients()[0];
        let surface = play.compositor.surfaces(client)[0];
        play.compositor.hide(surface);
        for id in 1..=FRAMES {
            acquire_and_present(&mut swapchain, Two, id);
        }
        play.compositor.settled();
        let objects = play.compositor.objects(client);
        let owed = objects.get("wl_callback").copied().unwrap_or_default();
        println!("{FRAMES} frames unseen: {owed} callbacks owed");
        assert!((1..FRAMES as usize / 2).contains(&owed), "{owed}");
        let begun = Instant::now();
        assert_eq!(Two.wait(&swapchain, FRAMES, FOREVER), vk::Result::SUCCESS);
        let took = begun.elapsed();
        assert!(took < UNHEARD + SLACK, "{took:?}");
        // Once it is seen, each frame is told of again.
        play.compositor.show(surface);
        for id in FRAMES + 1..=FRAMES + 100 {
            let committed = Instant::now();
            acquire_and_present(&mut swapchain, Two, id);
            assert_eq!(Two.wait(&swapchain, id, FOREVER), vk::Result::SUCCESS);
            play.before_it_is_unheard(committed)?;
        }
        drop(swapchain);
        play.end();
        Ok(())
    });
}

/// The last frame of a hidden window gets no feedback.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_wait_for_the_last_frame_of_a_hidden_window_returns() {
    judged(|| {
        for presentation in [true, false] {
            let mut offer = Offer::default();
            if !presentation {
                offer.presentation = None;
            }
            let play = Play::new(offer);
            let mut swapchain = play.swapchain(Wanted::default());
            let committed = Instant::now();
            acquire_and_present(&mut swapchain, Two, 1);
            let begun = Instant::now();
            play.nothing_yet(&swapchain, Two, 1, committed)?;
            assert_eq!(Two.wait(&swapchain, 1, FOREVER), vk::Result::SUCCESS);
            let took = begun.elapsed();
            assert!(took < UNHEARD + SLACK, "{took:?}, {presentation}");
            drop(swapchain);
            play.end();
        }
        Ok(())
    });
}

/// Two threads in one swapchain, which the specification allows for this call; each continues with its own
/// event, whichever of them reads it.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn one_thread_waits_while_another_acquires() {
    judged(|| {
        for wait_first in [true, false] {
            let play = Play::new(Offer::default());
            let mut swapchain = play.swapchain(Wanted::mailbox());
            let images = swapchain.images.len() as u64;
            let committed = Instant::now();
            for id in 1..=images {
                acquire_and_present(&mut swapchain, Two, id);
            }
            let frames: Vec<Commit> = (0..images).map(|_| play.compositor.next_commit()).collect();
            thread::scope(|scope| {
                let wait_for_the_first = || Two.wait(&swapchain, 1, 10_000_000_000);
                let acquire = || swapchain.acquire_and_wait(FOREVER);
                let (waiter, acquirer);
                if wait_first {
                    waiter = scope.spawn(wait_for_the_first);
                    thread::sleep(SHORT / 2);
                    acquirer = scope.spawn(acquire);
                } else {
                    acquirer = scope.spawn(acquire);
                    thread::sleep(SHORT / 2);
                    waiter = scope.spawn(wait_for_the_first);
                }
                thread::sleep(SHORT / 2);
                let over = [waiter.is_finished(), acquirer.is_finished()];
                // Until both threads have ended there is no other play.
                let mut verdict = play.before_it_is_unheard(committed);
                assert!(over == [false; 2] || verdict.is_err(), "{over:?}");
                if wait_first {
                    play.compositor.presented(&frames[0], Presented::default());
                    assert_eq!(waiter.join().unwrap(), vk::Result::SUCCESS);
                    verdict = verdict.and(play.before_it_is_unheard(committed));
                    thread::sleep(SHORT / 2);
                    assert!(!acquirer.is_finished());
                    play.compositor.release(&frames[1], With::nothing());
                    acquirer.join().unwrap().unwrap();
                } else {
                    play.compositor.release(&frames[1], With::nothing());
                    acquirer.join().unwrap().unwrap();
                    play.compositor.presented(&frames[0], Presented::default());
                    assert_eq!(waiter.join().unwrap(), vk::Result::SUCCESS);
                    verdict = verdict.and(play.before_it_is_unheard(committed));
                }
                verdict
            })?;
            drop(swapchain);
            play.end();
        }
        Ok(())
    });
}

/// A wait may begin before its present.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_wait_for_a_frame_to_come_ends_with_it() {
    judged(|| {
        let play = Play::new(Offer::default());
        let mut swapchain = play.swapchain(Wanted::default());
        let index = swapchain.acquire_and_wait(FOREVER).unwrap();
        swapchain.draw_now(index).unwrap();
        let ids = [7];
        let info = vk::PresentIdKHR::default().present_ids(&ids);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| One.wait(&swapchain, 7, FOREVER));
            thread::sleep(SHORT);
            assert!(!waiter.is_finished());
            let committed = Instant::now();
            swapchain
                .present_with(index, (&raw const info).cast())
                .unwrap();
            let frame = play.compositor.next_commit();
            play.compositor.presented(&frame, Presented::default());
            assert_eq!(waiter.join().unwrap(), vk::Result::SUCCESS);
            play.before_it_is_unheard(committed)
        })?;
        drop(swapchain);
        play.end();
        Ok(())
    });
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_swapchain_that_was_replaced_shows_no_more_frames() {
    let play = Play::new(Offer::default());
    let mut old = play.swapchain(Wanted::mailbox());
    acquire_and_present(&mut old, One, 1);
    let new = old.replaced_by(Wanted::mailbox()).unwrap();
    assert_eq!(
        One.wait(&old, 2, FOREVER),
        vk::Result::ERROR_OUT_OF_DATE_KHR
    );
    // It has shown this frame.
    let frame = play.compositor.next_commit();
    play.compositor.presented(&frame, Presented::default());
    assert_eq!(One.wait(&old, 1, FOREVER), vk::Result::SUCCESS);
    drop(old);
    drop(new);
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_wait_ends_with_the_compositor() {
    let play = Play::new(Offer::default());
    let mut swapchain = play.swapchain(Wanted::mailbox());
    acquire_and_present(&mut swapchain, One, 1);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| One.wait(&swapchain, 2, FOREVER));
        thread::sleep(SHORT);
        play.compositor.disconnect(play.compositor.clients()[0]);
        assert_eq!(waiter.join().unwrap(), vk::Result::ERROR_SURFACE_LOST_KHR);
    });
}

/// An application that waits for each frame keeps the display's pace.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn frames_that_are_waited_for_come_at_the_pace_of_the_display() {
    const REFRESH: Duration = Duration::from_millis(50);
    const FRAMES: u64 = 20;
    for fifo in [true, false] {
        let play = Play::new(Offer {
            fifo,
            behaviour: Behaviour::Automatic { refresh: REFRESH },
            ..Offer::default()
        });
        let mut swapchain = play.swapchain(Wanted::default());
        let begun = Instant::now();
        for id in 1..=FRAMES {
            acquire_and_present(&mut swapchain, Two, id);
            assert_eq!(Two.wait(&swapchain, id, FOREVER), vk::Result::SUCCESS);
        }
        let took = begun.elapsed();
        assert!(took >= REFRESH * (FRAMES as u32 - 1), "{took:?}, {fifo}");
        assert!(took < UNHEARD * FRAMES as u32 / 2, "{took:?}, {fifo}");
        drop(swapchain);
        play.end();
    }
}

/// A driver without the extensions.
fn driver_without() -> AsynchronousDriver {
    let names: Vec<&str> = NAMES.iter().map(|name| name.to_str().unwrap()).collect();
    AsynchronousDriver::without(&names)
}

/// A driver without the extensions does not see them.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_driver_need_not_know_the_extensions() {
    let _driver = driver_without();
    works_on_such_a_driver();
}

/// However the layer was installed.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn nor_need_a_driver_below_an_installed_layer() {
    layers::choose(&[layers::INSTALLED]);
    let _driver = driver_without();
    works_on_such_a_driver();
}

/// What was told once can be enabled, though the surface for which it was told is gone.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn what_was_told_of_a_surface_can_be_enabled_without_it() {
    layers::choose(&[layers::INSTALLED]);
    let _driver = driver_without();
    let compositor = Arc::new(Compositor::new(Offer::default()));
    let instance = Instance::new(Options::default());
    let is_told = || {
        let physical = instance.physical_device();
        // SAFETY: the device is the instance's.
        let told = unsafe { instance.raw.enumerate_device_extension_properties(physical) }.unwrap();
        NAMES.map(|name| {
            told.iter()
                .any(|one| one.extension_name_as_c_str() == Ok(name))
        })
    };
    assert_eq!(
        is_told(),
        [false; 4],
        "the application may present elsewhere"
    );
    let surface = Surface::of_window(&instance, Window::open_at(compositor.connect()));
    assert_eq!(is_told(), [true; 4]);
    drop(surface);
    assert_eq!(is_told(), [true; 4]);
    let mut features: Vec<_> = FEATURES.into_iter().map(feature).collect();
    let mut chain = chained(&mut features);
    let extensions = [&[khr::swapchain::NAME], NAMES.as_slice()].concat();
    drop(Device::with_features(&instance, &extensions, &mut chain));
}

fn works_on_such_a_driver() {
    let play = Play::new(Offer::default());
    let instance = &play.app.device.instance;
    let physical = play.app.device.physical;
    // SAFETY: the device is the instance's.
    let extensions =
        unsafe { instance.raw.enumerate_device_extension_properties(physical) }.unwrap();
    for name in NAMES {
        let found = extensions
            .iter()
            .filter(|one| one.extension_name_as_c_str() == Ok(name));
        assert_eq!(found.count(), 1, "{name:?}");
    }
    let mut features: Vec<_> = FEATURES
        .into_iter()
        .map(|structure| vk::PhysicalDevicePresentIdFeaturesKHR {
            present_id: vk::FALSE,
            ..feature(structure)
        })
        .collect();
    let mut chain = chained(&mut features);
    // SAFETY: the device is the instance's; all structures are laid out alike.
    unsafe {
        instance
            .raw
            .get_physical_device_features2(physical, &mut chain);
    }
    for feature in &features {
        assert_eq!(feature.present_id, vk::TRUE, "{:?}", feature.s_type);
    }
    // The second generation also asks the surface.
    let mut supported = [
        SURFACE_CAPABILITIES_PRESENT_ID_2,
        SURFACE_CAPABILITIES_PRESENT_WAIT_2,
    ]
    .map(|structure| vk::PhysicalDevicePresentIdFeaturesKHR {
        present_id: vk::FALSE,
        ..feature(structure)
    });
    let mut capabilities = vk::SurfaceCapabilities2KHR::default();
    for one in &mut supported {
        one.p_next = capabilities.p_next;
        capabilities.p_next = (&raw mut *one).cast();
    }
    // SAFETY: surface and device are alive; all structures are laid out alike.
    unsafe {
        play.app
            .surface
            .ask_capabilities2(physical, &play.app.surface.info2(), &mut capabilities)
            .unwrap();
    }
    for one in &supported {
        assert_eq!(one.present_id, vk::TRUE, "{:?}", one.s_type);
    }
    let mut swapchain = play.swapchain(Wanted::default());
    acquire_and_present(&mut swapchain, Two, 1);
    let frame = play.compositor.next_commit();
    play.compositor.presented(&frame, Presented::default());
    assert_eq!(Two.wait(&swapchain, 1, FOREVER), vk::Result::SUCCESS);
    drop(swapchain);
    play.end();
}
