//! Swapchains while threads acquire, present, dispatch and destroy.

use std::collections::VecDeque;

use shuttle::{
    sync::{Arc, Condvar, Mutex, Weak},
    thread,
};

use super::{
    display::{Buffer, Display},
    images::Images,
    kernel::{Points, Synchronisation},
    lock::lock,
    state::{Acquire, State},
};
use crate::{deadline::Deadline, observe::trace::Trace, wayland::model::check};

/// Images of a swapchain.
const IMAGES: u32 = 2;
/// Frames that it shows: each image comes back.
const FRAMES: usize = 3;

/// A swapchain, as `cycle` has it.
struct Swapchain {
    images: Arc<Images>,
    listener: Weak<Images>,
    buffers: Vec<Arc<Buffer>>,
    points: Arc<Points>,
    display: Arc<Display>,
    compositor: Arc<Compositor>,
}

/// A compositor that shows one buffer of a surface, and releases the one before.
#[derive(Default)]
struct Compositor {
    commits: Mutex<Commits>,
    something: Condvar,
}

#[derive(Default)]
struct Commits {
    queued: VecDeque<Arc<Buffer>>,
    is_over: bool,
}

impl Compositor {
    fn commit(&self, buffer: &Arc<Buffer>) {
        buffer.show();
        lock(&self.commits).queued.push_back(Arc::clone(buffer));
        self.something.notify_all();
    }

    fn end(&self) {
        lock(&self.commits).is_over = true;
        self.something.notify_all();
    }

    /// Shows what is committed, until nothing more is; then it releases the last.
    fn run(&self, display: &Display, listener: &Weak<Images>, points: &Points) {
        let mut shown: Option<Arc<Buffer>> = None;
        loop {
            let next = {
                let mut commits = lock(&self.commits);
                while commits.queued.is_empty() && !commits.is_over {
                    commits = self.something.wait(commits).unwrap();
                }
                commits.queued.pop_front()
            };
            let is_over = next.is_none();
            if let Some(before) = std::mem::replace(&mut shown, next) {
                display.release(&before, listener, points);
            }
            if is_over {
                return;
            }
        }
    }
}

impl Swapchain {
    fn new(display: &Arc<Display>, with_points: bool) -> Self {
        let points = Points::new(with_points, IMAGES);
        let ring = {
            let display = Arc::clone(display);
            move || display.ring()
        };
        let images = Arc::new(Images::new(
            Synchronisation::new(&points, ring),
            State::of((0..IMAGES).map(|_| None)),
            Trace::off(),
        ));
        Swapchain {
            listener: Arc::downgrade(&images),
            images,
            buffers: (0..IMAGES).map(Buffer::new).collect(),
            points,
            display: Arc::clone(display),
            compositor: Arc::default(),
        }
    }

    /// Its compositor, in a thread of its own.
    fn compositor(&self) -> thread::JoinHandle<()> {
        let (display, compositor) = (Arc::clone(&self.display), Arc::clone(&self.compositor));
        let (listener, points) = (self.listener.clone(), Arc::clone(&self.points));
        thread::spawn(move || compositor.run(&display, &listener, &points))
    }

    /// As `cycle::Swapchain::acquire` without a timeout; `None` if it is retired.
    fn acquire(&self) -> Option<u32> {
        let answer = self.display.wait(|| {
            let mut held = lock(&self.images.state);
            match self.images.hand_out(&mut held.state, Deadline::Never) {
                Ok(Acquire::Wait) => None,
                answer => Some(answer),
            }
        });
        match answer {
            Ok(Acquire::Image(index, _)) => {
                let buffer = &self.buffers[index as usize];
                assert!(!buffer.is_shown(), "an image is acquired that is on screen");
                Some(index)
            }
            Ok(Acquire::Retired) => None,
            other => panic!("{other:?}"),
        }
    }

    /// As `cycle::Swapchain::present`.
    fn present(&self, index: u32) {
        // Before the commit: another thread may dispatch the release right after it.
        lock(&self.images.state).state.present(index).unwrap();
        self.compositor.commit(&self.buffers[index as usize]);
    }

    fn frame(&self) {
        let index = self.acquire().expect("nobody retires it");
        self.present(index);
    }

    /// As its end: what the compositor has is left to it.
    fn leave(mut self) -> Vec<Arc<Buffer>> {
        let mut left = Vec::new();
        let buffers = std::mem::take(&mut self.buffers);
        self.images
            .leave(buffers, |_, buffer, is_shown| match is_shown {
                true => left.push(buffer),
                false => buffer.destroy(),
            });
        self.compositor.end();
        left
    }
}

/// A thread draws and destroys its swapchain while another dispatches: it hears of each release, and each buffer is
/// destroyed once, when the compositor has done with it. With points there is no event of a release.
fn draws_and_ends(with_points: bool) {
    let display = Arc::new(Display::default());
    let swapchain = Swapchain::new(&display, with_points);
    let all = swapchain.buffers.clone();
    let compositor = swapchain.compositor();
    let other = {
        let display = Arc::clone(&display);
        thread::spawn(move || (0..3).for_each(|_| display.look()))
    };
    (0..FRAMES).for_each(|_| swapchain.frame());
    let left = swapchain.leave();
    compositor.join().unwrap();
    other.join().unwrap();
    // What is dispatched after the swapchain.
    display.look();
    if with_points {
        // As `Leftovers::sweep`.
        left.iter().for_each(|buffer| buffer.destroy());
    }
    let lost: Vec<u32> = all
        .iter()
        .filter(|buffer| !buffer.is_destroyed())
        .map(|buffer| buffer.index())
        .collect();
    assert!(lost.is_empty(), "buffers that nobody destroys: {lost:?}");
}

#[test]
fn a_swapchain_hears_of_each_release_and_leaves_no_buffer() {
    check(1000, || draws_and_ends(false));
}

#[test]
fn a_swapchain_with_points_hears_of_each_release_and_leaves_no_buffer() {
    check(1000, || draws_and_ends(true));
}

/// Two threads wait for images of two swapchains on one display, whose bell rings once for whoever hears it.
#[test]
fn the_bell_of_a_display_wakes_who_waits_for_its_swapchain() {
    check(500, || {
        let display = Arc::new(Display::default());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let swapchain = Swapchain::new(&display, true);
                let compositor = swapchain.compositor();
                let drawing = thread::spawn(move || {
                    (0..FRAMES).for_each(|_| swapchain.frame());
                    swapchain.leave();
                });
                [compositor, drawing]
            })
            .collect();
        for thread in threads.into_iter().flatten() {
            thread.join().unwrap();
        }
    });
}

/// The memory of a swapchain that was replaced moves while another thread presents what was acquired before: what moves
/// is on nobody's screen, and never moves twice.
#[test]
fn memory_moves_once_and_only_what_nobody_has() {
    for with_points in [false, true] {
        check(300, move || {
            let display = Arc::new(Display::default());
            let swapchain = Arc::new(Swapchain::new(&display, with_points));
            let compositor = swapchain.compositor();
            swapchain.frame();
            let acquired = swapchain.acquire().expect("nobody has retired it");
            lock(&swapchain.images.state).state.retire();
            let successors: Vec<_> = (0..2)
                .map(|_| {
                    let swapchain = Arc::clone(&swapchain);
                    thread::spawn(move || takes_spares(&swapchain))
                })
                .collect();
            assert_eq!(swapchain.acquire(), None);
            swapchain.present(acquired);
            swapchain.compositor.end();
            let mut moved = Vec::new();
            for successor in successors {
                moved.extend(successor.join().unwrap());
            }
            compositor.join().unwrap();
            moved.sort_unstable();
            assert!(moved.is_sorted_by(|one, next| one < next), "{moved:?}");
        });
    }
}

fn takes_spares(swapchain: &Swapchain) -> Vec<u32> {
    let mut moved = Vec::new();
    for index in (0..IMAGES).chain(0..IMAGES) {
        swapchain.display.look();
        // As `Spare::take`.
        let mut held = lock(&swapchain.images.state);
        let _ = swapchain.images.collect(&mut held.state, Deadline::Now);
        let taken = held.state.withdraw(index, |_| true);
        drop(held);
        if taken.is_some() {
            let buffer = &swapchain.buffers[index as usize];
            assert!(!buffer.is_shown(), "memory moves that is on screen");
            moved.push(index);
        }
    }
    moved
}
