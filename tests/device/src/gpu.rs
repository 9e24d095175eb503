//! The GPU: does the work of queues, each in order, as fast as the test wants.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use wayfence::sync_file::SyncFile;
use wayfence_test_fences::kernel;
use wayfence_test_fences::vgem::{Fence, Vgem};

use crate::buffer::is_pending;

/// The one of this process.
pub struct Gpu {
    work: Duration,
    changed: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    holds: bool,
    queues: HashMap<u64, VecDeque<Job>>,
    vgem: Option<Vgem>,
}

struct Job {
    waits: Vec<Arc<SyncFile>>,
    /// Until the test says so.
    held: bool,
    /// Since when it runs.
    since: Option<Instant>,
    fence: Fence,
}

/// The GPU.
pub fn get() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let work = env::var("WAYFENCE_TEST_DEVICE_WORK_MS").map_or(0, |text| {
            text.parse()
                .unwrap_or_else(|error| panic!("WAYFENCE_TEST_DEVICE_WORK_MS: {text}: {error}"))
        });
        Gpu {
            work: Duration::from_millis(work),
            changed: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).expect("eventfd"),
            state: Mutex::default(),
        }
    })
}

impl Gpu {
    /// Takes work for a queue, to be done when these fences have signalled. Answers the work's own fence, or
    /// `None` if it is done already.
    pub fn take(&'static self, queue: u64, waits: Vec<Arc<SyncFile>>) -> Option<Arc<SyncFile>> {
        let mut state = self.lock();
        let waiting = state
            .queues
            .get(&queue)
            .is_some_and(|jobs| !jobs.is_empty());
        if !waiting && waits.is_empty() && !state.holds && self.work.is_zero() {
            return None;
        }
        let held = state.holds;
        let vgem = state.vgem.get_or_insert_with(|| {
            thread::Builder::new()
                .name("wayfence-gpu".to_owned())
                .spawn(|| self.run())
                .expect("a thread");
            Vgem::open()
        });
        let vgem = vgem.clone();
        let fence = kernel::run(move || vgem.fence());
        let sync_file = fence.sync_file().try_clone().expect("a descriptor is left");
        state.queues.entry(queue).or_default().push_back(Job {
            waits,
            held,
            since: None,
            fence,
        });
        drop(state);
        self.ring();
        Some(Arc::new(sync_file))
    }

    /// What is submitted from now on is not done before [`finish`](Self::finish).
    pub fn hold(&self) {
        self.lock().holds = true;
    }

    /// What was held goes on, and nothing more is held. When this returns, whatever need not wait for
    /// anything else is done.
    pub fn finish(&self) {
        let mut state = self.lock();
        state.holds = false;
        for job in state.queues.values_mut().flatten() {
            job.held = false;
        }
        self.advance(&mut state);
        drop(state);
        self.ring();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.changed, &1_u64.to_ne_bytes());
    }

    /// Does what can be done. Answers how long it is until more can, unless something happens.
    fn advance(&self, state: &mut State) -> Option<Duration> {
        let mut next: Option<Duration> = None;
        for jobs in state.queues.values_mut() {
            while let Some(job) = jobs.front_mut() {
                job.waits.retain(|fence| is_pending(fence));
                if !job.waits.is_empty() || job.held {
                    break;
                }
                let since = *job.since.get_or_insert_with(Instant::now);
                if let Some(left) = self.work.checked_sub(since.elapsed())
                    && !left.is_zero()
                {
                    next = Some(next.map_or(left, |next| next.min(left)));
                    break;
                }
                if let Some(job) = jobs.pop_front() {
                    // The kernel may have given it up: ten seconds are over.
                    let _ = job.fence.try_signal();
                }
            }
        }
        next
    }

    fn run(&self) {
        loop {
            let mut state = self.lock();
            let next = self.advance(&mut state);
            let waits: Vec<_> = state
                .queues
                .values()
                .filter_map(VecDeque::front)
                .flat_map(|job| job.waits.iter().cloned())
                .collect();
            drop(state);
            let mut fds: Vec<_> = waits
                .iter()
                .map(|fence| PollFd::from_borrowed_fd(fence.as_fd(), PollFlags::IN))
                .collect();
            fds.push(PollFd::new(&self.changed, PollFlags::IN));
            let timeout = next.map(|next| Timespec {
                tv_sec: next.as_secs() as i64,
                tv_nsec: next.subsec_nanos().into(),
            });
            let _ = poll(&mut fds, timeout.as_ref());
            let _ = rustix::io::read(&self.changed, &mut [0_u8; 8]);
        }
    }
}
