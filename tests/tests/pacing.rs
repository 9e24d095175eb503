//! When a FIFO's frames are committed and shown, where the compositor queues them (`wp_fifo_v1`) and
//! where it does not.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence_test_compositor::{Behaviour, Commit, Compositor, Offer, SurfaceId, With};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Swapchain, Wanted};

/// The longest that a present may wait for the compositor's pace.
const BOUND: Duration = Duration::from_millis(100);
/// What drawing and committing may take beside that on a machine that is emulated.
const SLACK: Duration = Duration::from_millis(100);
const REFRESH: Duration = Duration::from_millis(40);
const AUTOMATIC: Behaviour = Behaviour::Automatic { refresh: REFRESH };

struct Play {
    compositor: Arc<Compositor>,
    app: Application,
    _watchdog: Watchdog,
}

impl Play {
    fn new(fifo: bool, behaviour: Behaviour) -> Self {
        let watchdog = Watchdog::new(Duration::from_secs(100), "frames on a scripted compositor");
        let compositor = Arc::new(Compositor::new(Offer {
            fifo,
            behaviour,
            ..Offer::default()
        }));
        let app = Application::at(compositor.connect());
        Self {
            compositor,
            app,
            _watchdog: watchdog,
        }
    }

    fn surface(&self) -> SurfaceId {
        self.compositor.surfaces(self.compositor.clients()[0])[0]
    }

    /// No protocol was broken.
    fn end(self) {
        self.app.device.wait_idle().expect("an idle device");
        drop(self.app);
        let errors = self.compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// Acquires without waiting, draws and presents. Answers how long the present took.
fn present_at_once(swapchain: &mut Swapchain) -> Result<Duration, vk::Result> {
    let index = swapchain.acquire_and_wait(0)?;
    present(swapchain, index)
}

fn present(swapchain: &mut Swapchain, index: u32) -> Result<Duration, vk::Result> {
    swapchain.draw_now(index)?;
    swapchain.device.wait_idle()?;
    let begun = Instant::now();
    swapchain.present(index)?;
    Ok(begun.elapsed())
}

fn barriers(commit: &Commit) -> (bool, bool) {
    (commit.pacing.set_barrier, commit.pacing.wait_barrier)
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_fifo_waits_for_barriers_where_there_are_any() {
    for (fifo, wanted, expected) in [
        (true, Wanted::default(), (true, true)),
        (false, Wanted::default(), (false, false)),
        (true, Wanted::mailbox(), (false, false)),
    ] {
        let play = Play::new(fifo, Behaviour::Manual);
        let mut swapchain = play.app.swapchain_with(wanted);
        for _ in 0..5 {
            swapchain.frame().unwrap();
            let commit = play.compositor.next_commit();
            assert_eq!(barriers(&commit), expected, "{fifo}, {commit:?}");
            let paced = wanted.present_mode == vk::PresentModeKHR::FIFO;
            assert_eq!(commit.frame_callbacks, usize::from(paced));
            play.compositor.release(&commit, With::nothing());
            play.compositor.frame_done(commit.surface);
        }
        drop(swapchain);
        play.end();
    }
}

/// A surface has one `wp_fifo_v1`, whatever becomes of its swapchains.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn swapchains_of_a_surface_share_its_queue() {
    let play = Play::new(true, AUTOMATIC);
    let mut swapchain = play.app.swapchain();
    for wanted in [
        Wanted::default(),
        Wanted::mailbox(),
        Wanted::default(),
        Wanted::default(),
    ] {
        swapchain.frame().unwrap();
        let mut next = swapchain.replaced_by(wanted).unwrap();
        next.frame().unwrap();
        swapchain = next;
    }
    drop(swapchain);
    let mut swapchain = play.app.swapchain();
    swapchain.frame().unwrap();
    drop(swapchain);
    play.end();
}

/// The next frame is under way before the last is shown; without a queue in the compositor it must not
/// be, since it would replace it.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn client_and_compositor_pipeline() {
    for fifo in [true, false] {
        let play = Play::new(fifo, Behaviour::Manual);
        let mut swapchain = play.app.swapchain();
        let begun = Instant::now();
        present_at_once(&mut swapchain).unwrap();
        let second = present_at_once(&mut swapchain).map(drop);
        let took = begun.elapsed();
        if fifo {
            assert_eq!(second, Ok(()));
        } else {
            assert!(took < BOUND, "too slow to tell: {took:?}");
            assert_eq!(second, Err(vk::Result::NOT_READY));
        }
        drop(swapchain);
        play.end();
    }
}

/// In FIFO every frame is shown for a refresh at least.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn frames_come_no_faster_than_the_display() {
    const FRAMES: u32 = 30;
    for fifo in [true, false] {
        let play = Play::new(fifo, AUTOMATIC);
        let mut swapchain = play.app.swapchain();
        swapchain.frame().unwrap();
        let begun = Instant::now();
        for _ in 0..FRAMES {
            swapchain.frame().unwrap();
        }
        // Some are still queued.
        let least = REFRESH * (FRAMES - 4);
        assert!(begun.elapsed() >= least, "{:?}, {fifo}", begun.elapsed());
        drop(swapchain);
        play.end();
    }
}

/// A hidden window gets no frame callbacks, and its barriers are ignored.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_hidden_window_slows_down_and_never_freezes() {
    const HIDDEN: Duration = Duration::from_secs(3);
    for fifo in [true, false] {
        let play = Play::new(fifo, AUTOMATIC);
        let mut swapchain = play.app.swapchain();
        for _ in 0..10 {
            swapchain.frame().unwrap();
        }
        play.compositor.hide(play.surface());
        let begun = Instant::now();
        let mut frames = 0;
        while begun.elapsed() < HIDDEN {
            let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
            let took = present(&mut swapchain, index).unwrap();
            assert!(took < BOUND + SLACK, "{took:?} in a present, {fifo}");
            frames += 1;
        }
        let most = HIDDEN.as_millis() / BOUND.as_millis() + 4;
        assert!(u128::from(frames as u32) <= most, "{frames} frames, {fifo}");
        assert!(frames >= 10, "{frames} frames, {fifo}");
        play.compositor.settled();
        let last = play.compositor.take_commits().pop().unwrap();
        assert_eq!(barriers(&last), (fifo, false), "{last:?}");

        play.compositor.show(play.surface());
        for _ in 0..10 {
            swapchain.frame().unwrap();
        }
        play.compositor.settled();
        let last = play.compositor.take_commits().pop().unwrap();
        assert_eq!(barriers(&last), (fifo, fifo), "{last:?}");
        drop(swapchain);
        play.end();
    }
}

/// The protocol leaves it to the compositor whether barriers hold a hidden surface's commits. Where they
/// do, its images are stuck, and nothing else.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_hidden_window_whose_barriers_stay_holds_no_present_and_no_timeout() {
    let play = Play::new(true, AUTOMATIC);
    let mut swapchain = play.app.swapchain();
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    play.compositor
        .misbehave()
        .hide_and_keep_barriers(play.surface());
    let mut presented = 0;
    let end = loop {
        let begun = Instant::now();
        match swapchain.acquire_and_wait(500_000_000) {
            Ok(index) => {
                let took = present(&mut swapchain, index).unwrap();
                assert!(took < BOUND + SLACK, "{took:?} in a present");
                presented += 1;
            }
            Err(error) => {
                assert!(begun.elapsed() < Duration::from_secs(2));
                break error;
            }
        }
        assert!(presented <= swapchain.images.len(), "images come back");
    };
    assert_eq!(end, vk::Result::TIMEOUT);
    play.compositor.show(play.surface());
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    drop(swapchain);
    play.end();
}

/// A compositor that gives nothing back: no present waits for longer than the bound, and the acquire
/// keeps to its timeout.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_compositor_that_shows_nothing_holds_no_call() {
    for fifo in [true, false] {
        let play = Play::new(fifo, Behaviour::Manual);
        let mut swapchain = play.app.swapchain();
        let images = swapchain.images.len();
        let indices: Vec<u32> = (0..images)
            .map(|_| swapchain.acquire_and_wait(u64::MAX).unwrap())
            .collect();
        for index in indices {
            let took = present(&mut swapchain, index).unwrap();
            assert!(took < BOUND + SLACK, "{took:?} in a present, {fifo}");
        }
        let begun = Instant::now();
        let answer = swapchain.acquire_and_wait(300_000_000);
        assert_eq!(answer, Err(vk::Result::TIMEOUT));
        assert!(begun.elapsed() < Duration::from_secs(1));
        let first = play.compositor.next_commit();
        play.compositor.release(&first, With::nothing());
        swapchain.acquire_and_wait(u64::MAX).unwrap();
        drop(swapchain);
        play.end();
    }
}

/// An application that was away for a while finds the queue as it left it: callbacks that it has not
/// read yet count.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_application_that_idled_waits_for_barriers_again() {
    let play = Play::new(true, Behaviour::Manual);
    let mut swapchain = play.app.swapchain();
    let indices: Vec<u32> = (0..3)
        .map(|_| swapchain.acquire_and_wait(u64::MAX).unwrap())
        .collect();
    present(&mut swapchain, indices[0]).unwrap();
    let shown = play.compositor.next_commit();
    play.compositor.frame_done(shown.surface);
    thread::sleep(BOUND * 2);
    present(&mut swapchain, indices[1]).unwrap();
    assert_eq!(barriers(&play.compositor.next_commit()), (true, true));
    // Of this one there is no callback.
    thread::sleep(BOUND * 2);
    present(&mut swapchain, indices[2]).unwrap();
    assert_eq!(barriers(&play.compositor.next_commit()), (true, false));
    drop(swapchain);
    play.end();
}

/// A resize recreates the swapchain, and each new one has images of its own: those do not bound the
/// queue.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_swapchain_recreated_for_every_frame_does_not_let_the_queue_grow() {
    const REFRESH: Duration = Duration::from_millis(80);
    let play = Play::new(true, Behaviour::Automatic { refresh: REFRESH });
    let mut swapchain = play.app.swapchain();
    let mut most = 0;
    let begun = Instant::now();
    for _ in 0..20 {
        swapchain.frame().unwrap();
        play.compositor.settled();
        most = most.max(play.compositor.held_count());
        swapchain = swapchain.replaced_by(Wanted::default()).unwrap();
    }
    // One is shown.
    assert!(
        most <= 4,
        "{most} frames queued after {:?}",
        begun.elapsed()
    );
    drop(swapchain);
    play.end();
}

#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_application_that_presents_and_then_idles_sees_its_last_frame_shown() {
    for fifo in [true, false] {
        let play = Play::new(fifo, AUTOMATIC);
        let mut swapchain = play.app.swapchain();
        for _ in 0..7 {
            swapchain.frame().unwrap();
        }
        play.compositor.settled();
        assert_eq!(play.compositor.commit_count(), 8, "one maps the window");
        // The application does nothing more, not even read its events.
        let begun = Instant::now();
        while play.compositor.held_count() > 1 {
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "{} frames are not shown, {fifo}",
                play.compositor.held_count() - 1
            );
            thread::sleep(Duration::from_millis(10));
        }
        drop(swapchain);
        play.end();
    }
}
