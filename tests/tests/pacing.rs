//! When a FIFO's frames are committed and shown, where the compositor queues them (`wp_fifo_v1`) and
//! where it does not.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ash::vk;
use wayfence_test_compositor::{Behaviour, Commit, Compositor, Offer, SurfaceId, With};
use wayfence_test_fences::vgem::{Fence, Vgem};
use wayfence_tests::asynchronous::AsynchronousDriver;
use wayfence_tests::stalls::{Stalls, promptly};
use wayfence_tests::watchdog::Watchdog;
use wayfence_tests::{Application, Swapchain, Wanted, machine};

/// The longest time from commit to commit in a hidden window.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long it takes until a window counts as hidden.
const PATIENCE: Duration = Duration::from_secs(1);
/// What drawing and committing may take beyond that on an emulated machine.
const SLACK: Duration = Duration::from_millis(100);
const REFRESH: Duration = Duration::from_millis(40);
const AUTOMATIC: Behaviour = Behaviour::Automatic { refresh: REFRESH };

struct Play {
    compositor: Arc<Compositor>,
    app: Application,
    stalls: Stalls,
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
            stalls: Stalls::watch(),
            _watchdog: watchdog,
        }
    }

    fn surface(&self) -> SurfaceId {
        self.compositor.surfaces(self.compositor.clients()[0])[0]
    }

    /// Asserts that no protocol was broken.
    fn end(self) {
        self.app.device.wait_idle().expect("an idle device");
        drop(self.app);
        let errors = self.compositor.protocol_errors();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// Draws and presents. Answers when the present began.
fn present(swapchain: &mut Swapchain, index: u32) -> Instant {
    swapchain.draw_now(index).unwrap();
    swapchain.device.wait_idle().unwrap();
    let begun = Instant::now();
    swapchain.present(index).unwrap();
    begun
}

/// The presents to a hidden window: one may wait until it counts as hidden, and none of the others for longer
/// than the interval.
struct Unseen<'a> {
    stalls: &'a Stalls,
    known: bool,
}

impl<'a> Unseen<'a> {
    fn by(stalls: &'a Stalls) -> Self {
        Self {
            stalls,
            known: false,
        }
    }

    fn present(&mut self, swapchain: &mut Swapchain, index: u32) {
        let took = self.stalls.elapsed(present(swapchain, index));
        if took >= INTERVAL + SLACK {
            assert!(!self.known, "{took:?} in a present");
            assert!(took < PATIENCE + SLACK, "{took:?} in a present");
            self.known = true;
        }
    }
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

/// Its frames keep the pace of the display that showed it, and when it is shown again no frames have piled up.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_hidden_window_keeps_its_pace() {
    for fifo in [true, false] {
        let play = Play::new(fifo, AUTOMATIC);
        let mut swapchain = play.app.swapchain();
        for _ in 0..10 {
            swapchain.frame().unwrap();
        }
        let surface = play.surface();
        play.compositor.hide(surface);
        // Until it is known.
        let begun = Instant::now();
        while begun.elapsed() < 2 * PATIENCE {
            swapchain.frame().unwrap();
        }
        let begun = Instant::now();
        const FRAMES: u32 = 50;
        for _ in 0..FRAMES {
            swapchain.frame().unwrap();
        }
        let took = begun.elapsed();
        println!("hidden, fifo {fifo}: {FRAMES} frames in {took:?}");
        assert!(took > FRAMES * REFRESH / 2, "{took:?}");
        let took = play.stalls.elapsed(begun);
        assert!(took < FRAMES * REFRESH * 3 / 2, "{took:?}");
        play.compositor.show(surface);
        let mut longest = Duration::ZERO;
        for _ in 0..FRAMES {
            let begun = Instant::now();
            swapchain.frame().unwrap();
            longest = longest.max(play.stalls.elapsed(begun));
        }
        println!("shown again: the longest frame took {longest:?}");
        assert!(longest < 4 * REFRESH + SLACK, "{longest:?}");
        drop(swapchain);
        play.end();
    }
}

/// A surface has one `wp_fifo_v1`, however its swapchains change.
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

/// The application draws the next frame before the last is shown: no acquire waits for the compositor's pace.
/// With a queue in the compositor the next frame is committed, too; without one it would replace the last, so
/// the present waits.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn client_and_compositor_pipeline() {
    for fifo in [true, false] {
        let play = Play::new(fifo, Behaviour::Manual);
        let mut swapchain = play.app.swapchain();
        let index = swapchain.acquire_and_wait(0).unwrap();
        present(&mut swapchain, index);
        let first = play.compositor.next_commit();
        // Images are free, so neither of them answers NOT_READY or TIMEOUT.
        let [second, third] = [0, 1_000_000].map(|timeout| swapchain.acquire_and_wait(timeout));
        swapchain.draw_now(second.unwrap()).unwrap();
        thread::scope(|scope| {
            let present = scope.spawn(|| swapchain.present(second.unwrap()));
            if fifo {
                // It would wait for no barrier if the present had waited until the window counts as hidden.
                let next = play.compositor.next_commit();
                assert_eq!(barriers(&next), (true, true), "{next:?}");
            } else {
                let next = play
                    .compositor
                    .commit_within(INTERVAL * 3 / 2, Commit::has_buffer);
                assert!(next.is_none(), "{next:?}");
            }
            play.compositor.frame_done(first.surface);
            present.join().unwrap().unwrap();
        });
        third.unwrap();
        drop(swapchain);
        play.end();
    }
}

/// An application with 10 ms of CPU work and 10 ms of GPU work a frame reaches 60 frames a second, because both
/// overlap. An emulated processor needs most of the rest of such a refresh for the frame itself: there everything
/// is four times as long.
#[test]
#[ignore = "needs a driver, /dev/udmabuf and vgem: scripts/test"]
fn cpu_and_gpu_work_side_by_side() {
    const HERTZ_60: Duration = Duration::from_nanos(16_666_667);
    const FRAMES: u32 = 60;
    let times = if machine::is_emulated() { 4 } else { 1 };
    let refresh = HERTZ_60 * times;
    let work = Duration::from_millis(10) * times;
    let driver = AsynchronousDriver::new();
    let vgem = Vgem::open();
    for fifo in [true, false] {
        let play = Play::new(fifo, Behaviour::Automatic { refresh });
        let mut swapchain = play.app.swapchain();
        swapchain.frame().unwrap();
        // One after the other takes two refreshes a frame.
        promptly(refresh * FRAMES * 5 / 4, || {
            let (gpu, submitted) = mpsc::channel::<(Instant, Fence)>();
            thread::scope(|scope| {
                scope.spawn(move || {
                    for (done, fence) in submitted {
                        thread::sleep(done.saturating_duration_since(Instant::now()));
                        fence.signal();
                    }
                });
                let begun = Instant::now();
                for _ in 0..FRAMES {
                    let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
                    thread::sleep(work);
                    swapchain.draw_now(index).unwrap();
                    let fence = vgem.fence();
                    driver.export_next(fence.sync_file());
                    gpu.send((Instant::now() + work, fence)).unwrap();
                    swapchain.present(index).unwrap();
                }
                drop(gpu);
                begun.elapsed()
            })
        });
        assert_eq!(play.compositor.lost_count(), 0, "{fifo}");
        drop(swapchain);
        play.end();
    }
}

/// "the presentation engine [...] waits for the next vertical blanking period [...] one request is removed
/// from the beginning of the queue" (VK_PRESENT_MODE_FIFO_KHR): each frame is shown.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_window_that_is_seen_loses_no_frame_however_slow_the_compositor_is() {
    for (refresh, frames) in [(150, 10), (700, 5)] {
        for fifo in [true, false] {
            let refresh = Duration::from_millis(refresh);
            let play = Play::new(fifo, Behaviour::Automatic { refresh });
            let mut swapchain = play.app.swapchain();
            for _ in 0..frames {
                swapchain.frame().unwrap();
            }
            play.compositor.settled();
            assert_eq!(play.compositor.lost_count(), 0, "{refresh:?}, {fifo}");
            drop(swapchain);
            play.end();
        }
    }
}

/// A compositor that stops for a while (on a busy machine, or a paused virtual one) does not make a window
/// hidden.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_window_that_is_seen_loses_no_frame_when_the_compositor_stops_for_a_while() {
    for fifo in [true, false] {
        let play = Play::new(fifo, AUTOMATIC);
        let mut swapchain = play.app.swapchain();
        for _ in 0..5 {
            swapchain.frame().unwrap();
        }
        thread::scope(|scope| {
            let (stopped, wait) = mpsc::channel();
            let compositor = &play.compositor;
            scope.spawn(move || {
                let frozen = compositor.freeze();
                stopped.send(()).unwrap();
                thread::sleep(PATIENCE * 5 / 2);
                drop(frozen);
            });
            wait.recv().unwrap();
            for _ in 0..10 {
                swapchain.frame().unwrap();
            }
        });
        play.compositor.settled();
        assert_eq!(play.compositor.lost_count(), 0, "{fifo}");
        drop(swapchain);
        play.end();
    }
}

/// One that stops for good does not block presents for good.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_compositor_that_stops_holds_no_present_for_good() {
    let play = Play::new(false, AUTOMATIC);
    let mut swapchain = play.app.swapchain();
    let indices = [(); 3].map(|()| swapchain.acquire_and_wait(u64::MAX).unwrap());
    let frozen = play.compositor.freeze();
    let begun = Instant::now();
    for index in indices {
        present(&mut swapchain, index);
    }
    assert!(begun.elapsed() < PATIENCE * 7, "{:?}", begun.elapsed());
    assert_eq!(
        swapchain.acquire_and_wait(100_000_000),
        Err(vk::Result::TIMEOUT)
    );
    drop(frozen);
    drop(swapchain);
    play.end();
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
fn a_hidden_window_goes_on_at_its_pace_and_never_freezes() {
    const HIDDEN: Duration = Duration::from_secs(3);
    for fifo in [true, false] {
        let play = Play::new(fifo, AUTOMATIC);
        let mut swapchain = play.app.swapchain();
        for _ in 0..10 {
            swapchain.frame().unwrap();
        }
        play.compositor.hide(play.surface());
        let begun = Instant::now();
        let mut unseen = Unseen::by(&play.stalls);
        let mut frames = 0;
        while begun.elapsed() < HIDDEN {
            let index = swapchain.acquire_and_wait(u64::MAX).unwrap();
            unseen.present(&mut swapchain, index);
            frames += 1;
        }
        assert!(unseen.known, "{fifo}");
        let most = HIDDEN.as_millis() / REFRESH.as_millis() + 4;
        assert!(u128::from(frames as u32) <= most, "{frames} frames, {fifo}");
        let least = (HIDDEN - PATIENCE).as_millis() / REFRESH.as_millis() / 2;
        assert!(
            u128::from(frames as u32) >= least,
            "{frames} frames, {fifo}"
        );
        play.compositor.settled();
        let last = play.compositor.take_commits().pop().unwrap();
        assert_eq!(barriers(&last), (fifo, false), "{last:?}");

        is_paced_again(&play, &mut swapchain, fifo);
        drop(swapchain);
        play.end();
    }
}

/// Asserts that a hidden window that is shown again is paced by its display. Answers its last commit.
fn is_paced_again(play: &Play, swapchain: &mut Swapchain, fifo: bool) -> Commit {
    play.compositor.show(play.surface());
    for _ in 0..10 {
        swapchain.frame().unwrap();
    }
    play.compositor.settled();
    let last = play.compositor.take_commits().pop().unwrap();
    assert_eq!(barriers(&last), (fifo, fifo), "{last:?}");
    last
}

/// When it is shown again the compositor sends all callbacks that it owes at once, and ends a client whose socket
/// cannot take them.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_hidden_window_piles_up_no_frame_callbacks() {
    const FRAMES: usize = 200;
    for fifo in [true, false] {
        let refresh = Duration::from_millis(4);
        let play = Play::new(fifo, Behaviour::Automatic { refresh });
        let mut swapchain = play.app.swapchain();
        for _ in 0..10 {
            swapchain.frame().unwrap();
        }
        play.compositor.hide(play.surface());
        for _ in 0..FRAMES {
            swapchain.frame().unwrap();
        }
        play.compositor.settled();
        let objects = play.compositor.objects(play.compositor.clients()[0]);
        let owed = objects.get("wl_callback").copied().unwrap_or_default();
        println!("{FRAMES} frames unseen: {owed} callbacks owed, {fifo}");
        assert!((1..FRAMES / 10).contains(&owed), "{owed}, {fifo}");
        // They end the pace of a hidden window.
        let last = is_paced_again(&play, &mut swapchain, fifo);
        assert_eq!(last.frame_callbacks, 1);
        drop(swapchain);
        play.end();
    }
}

/// The protocol lets the compositor choose whether barriers hold a hidden surface's commits. Where they do,
/// only its images are stuck.
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
    let mut unseen = Unseen::by(&play.stalls);
    let mut presented = 0;
    let end = loop {
        let begun = Instant::now();
        match swapchain.acquire_and_wait(500_000_000) {
            Ok(index) => {
                unseen.present(&mut swapchain, index);
                presented += 1;
            }
            Err(error) => {
                assert!(play.stalls.elapsed(begun) < Duration::from_secs(2));
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

/// A compositor that releases nothing but answers: one present waits until the window counts as hidden, and the
/// acquire keeps to its timeout.
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
        let mut unseen = Unseen::by(&play.stalls);
        for index in indices {
            unseen.present(&mut swapchain, index);
        }
        let begun = Instant::now();
        let answer = swapchain.acquire_and_wait(300_000_000);
        assert_eq!(answer, Err(vk::Result::TIMEOUT));
        assert!(play.stalls.elapsed(begun) < Duration::from_secs(1));
        let first = play.compositor.next_commit();
        play.compositor.release(&first, With::nothing());
        swapchain.acquire_and_wait(u64::MAX).unwrap();
        drop(swapchain);
        play.end();
    }
}

/// An application that paused for a while finds the queue unchanged: callbacks that it has not read yet count.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn an_application_that_idled_waits_for_barriers_again() {
    let play = Play::new(true, Behaviour::Manual);
    let mut swapchain = play.app.swapchain();
    let indices: Vec<u32> = (0..3)
        .map(|_| swapchain.acquire_and_wait(u64::MAX).unwrap())
        .collect();
    present(&mut swapchain, indices[0]);
    let shown = play.compositor.next_commit();
    play.compositor.frame_done(shown.surface);
    thread::sleep(PATIENCE + SLACK);
    present(&mut swapchain, indices[1]);
    assert_eq!(barriers(&play.compositor.next_commit()), (true, true));
    // This one gets no callback.
    thread::sleep(PATIENCE + SLACK);
    present(&mut swapchain, indices[2]);
    assert_eq!(barriers(&play.compositor.next_commit()), (true, false));
    drop(swapchain);
    play.end();
}

/// A resize recreates the swapchain, and each new one has images of its own, so images do not bound the queue.
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

/// A thread that waits for an image without timeout has its turn at the socket. What another asks of the compositor
/// is sent nevertheless, although nothing else happens on the connection.
#[test]
#[ignore = "needs a driver and /dev/udmabuf: scripts/test"]
fn a_thread_that_waits_for_an_image_holds_up_no_swapchain_of_another() {
    let play = Play::new(false, Behaviour::Manual);
    let mut swapchain = play.app.swapchain_with(Wanted::mailbox());
    let other = play.app.second_window();
    let mut commits = Vec::new();
    for _ in 0..swapchain.images.len() {
        swapchain.frame().unwrap();
        commits.push(
            play.compositor
                .next_commit_that("a frame", Commit::has_buffer),
        );
    }
    thread::scope(|scope| {
        let acquires = scope.spawn(|| swapchain.acquire_and_wait(u64::MAX));
        // Until it waits.
        thread::sleep(SLACK);
        let (made, is_made) = mpsc::channel();
        let other = &other;
        scope.spawn(move || {
            let swapchain = other.swapchain();
            made.send(()).unwrap();
            drop(swapchain);
        });
        let made = is_made.recv_timeout(Duration::from_secs(10));
        assert!(!acquires.is_finished(), "nothing was released");
        // Both threads continue.
        play.compositor.release(&commits[0], With::nothing());
        acquires.join().unwrap().unwrap();
        made.expect("a swapchain while another thread waits");
    });
    drop(swapchain);
    drop(other);
    play.end();
}
