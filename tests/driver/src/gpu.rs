//! A GPU that is still at work when the driver exports a sync_file, although the software rasteriser has
//! finished: each export is a fence of vgem's that signals some time later.

use std::env;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use wayfence_test_fences::vgem::{Fence, Vgem};

/// How many milliseconds of GPU work a frame has.
const BUSY: &str = "WAYFENCE_TEST_BUSY_MS";

struct Gpu {
    vgem: Vgem,
    busy: Duration,
    /// Fences, and when they signal, in order.
    work: Sender<(Instant, Fence)>,
}

/// The next export, if a GPU is played.
///
/// # Panics
/// Without vgem.
pub fn sync_file_of_work() -> Option<OwnedFd> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let gpu = GPU.get_or_init(Gpu::new).as_ref()?;
    let fence = gpu.vgem.fence();
    let sync_file = fence.sync_file().try_clone().expect("a descriptor is left");
    let done = Instant::now() + gpu.busy;
    gpu.work.send((done, fence)).expect("the GPU works on");
    Some(sync_file.into())
}

impl Gpu {
    fn new() -> Option<Self> {
        let busy = env::var(BUSY).ok()?.parse().expect("milliseconds");
        let (work, queue) = mpsc::channel::<(Instant, Fence)>();
        thread::Builder::new()
            .name("test-gpu".to_owned())
            .spawn(move || {
                for (done, fence) in queue {
                    thread::sleep(done.saturating_duration_since(Instant::now()));
                    fence.signal();
                }
            })
            .expect("a thread");
        Some(Gpu {
            vgem: Vgem::open(),
            busy: Duration::from_millis(busy),
            work,
        })
    }
}
