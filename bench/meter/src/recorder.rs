//! The measurement of this process.

use std::{
    env,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use ash::vk;
use rustix::time::{ClockId, clock_gettime};
use wayfence_bench::measurement::{
    Call, Creation, FILE, FRAMES, MARK_END, Measurement, Query, TRACE, WARM_UP,
};

use crate::{allocations, modules, tracer::Tracer};

static RECORDER: OnceLock<Mutex<Recorder>> = OnceLock::new();
/// Whether the current frame is measured.
static MEASURING: AtomicBool = AtomicBool::new(false);
/// Whether marks are written.
static MARKING: AtomicBool = AtomicBool::new(false);

/// The measurement so far.
pub struct Recorder {
    file: Option<PathBuf>,
    warm_up: u64,
    frames: u64,
    presented: u64,
    begun: Option<(Instant, u64)>,
    measurement: Measurement,
    /// Where the trace of the system calls goes.
    trace: Option<PathBuf>,
    tracer: Option<Tracer>,
}

/// The recorder of this process.
pub fn recorder() -> MutexGuard<'static, Recorder> {
    RECORDER
        .get_or_init(|| Mutex::new(Recorder::new()))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Makes a call, and measures it if its frame is measured. Holds no lock meanwhile.
pub fn measured(mark: &str, call: impl FnOnce() -> vk::Result) -> (vk::Result, Option<Call>) {
    // Relaxed: one thread draws, and the first frames do not count.
    if !MEASURING.load(Ordering::Relaxed) {
        return (call(), None);
    }
    let marking = MARKING.load(Ordering::Relaxed);
    let cpu = nanoseconds(ClockId::ThreadCPUTime);
    let begin = Instant::now();
    if marking {
        write_mark(mark);
    }
    allocations::count(true);
    let result = call();
    allocations::count(false);
    if marking {
        write_mark(MARK_END);
    }
    let wall = begin.elapsed().as_nanos() as u64;
    let cpu = nanoseconds(ClockId::ThreadCPUTime) - cpu;
    (result, Some(Call { wall, cpu }))
}

impl Recorder {
    fn new() -> Self {
        let number = |name| {
            env::var(name)
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0)
        };
        let (warm_up, frames) = (number(WARM_UP), number(FRAMES));
        let trace = env::var_os(TRACE).map(PathBuf::from);
        MARKING.store(trace.is_some(), Ordering::Relaxed);
        let mut recorder = Recorder {
            file: env::var_os(FILE).map(PathBuf::from),
            warm_up,
            frames,
            presented: 0,
            begun: None,
            measurement: Measurement::default(),
            trace,
            tracer: None,
        };
        // Pushing must not reallocate during a measured call.
        recorder.measurement.acquires.reserve(frames as usize + 16);
        recorder.measurement.presents.reserve(frames as usize + 16);
        allocations::prepare();
        recorder.turn();
        recorder
    }

    /// The file that has the acquire below.
    pub fn below(&mut self, module: String) {
        self.measurement.below = module;
    }

    /// An acquire, measured or not.
    pub fn acquired(&mut self, result: vk::Result, call: Option<Call>) {
        let got = matches!(result, vk::Result::SUCCESS | vk::Result::SUBOPTIMAL_KHR);
        if let (true, Some(call)) = (got, call) {
            self.measurement.acquires.push(call);
        }
    }

    /// A present, measured or not.
    pub fn presented(&mut self, call: Option<Call>) {
        self.measurement.presents.extend(call);
        self.presented += 1;
        self.turn();
    }

    /// Begins or ends measuring if it is time.
    fn turn(&mut self) {
        if self.presented == self.warm_up {
            if let Some(trace) = &self.trace {
                match Tracer::attach(trace) {
                    Ok(tracer) => self.tracer = Some(tracer),
                    Err(error) => eprintln!("wayfence-meter: {error}"),
                }
            }
            self.begun = Some((Instant::now(), nanoseconds(ClockId::ProcessCPUTime)));
            MEASURING.store(true, Ordering::Relaxed);
        }
        if self.presented == self.warm_up + self.frames {
            MEASURING.store(false, Ordering::Relaxed);
            self.tracer = None;
            if let Some((begin, cpu)) = self.begun {
                self.measurement.wall = begin.elapsed().as_nanos() as u64;
                self.measurement.cpu = nanoseconds(ClockId::ProcessCPUTime) - cpu;
            }
            (self.measurement.resident, self.measurement.descriptors) = footprint();
        }
    }

    /// Records the creation of a swapchain.
    pub fn creation(&mut self, creation: Creation) {
        self.measurement.creations.push(creation);
    }

    /// Records a query of a surface.
    pub fn query(&mut self, query: Query) {
        self.measurement.queries.push(query);
    }

    /// Writes everything to the file.
    pub fn write(&mut self) {
        let Some(file) = &self.file else {
            eprintln!("wayfence-meter: {FILE} is not set");
            return;
        };
        self.measurement.allocations = allocations::taken(modules::place);
        let written = serde_json::to_vec(&self.measurement)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(file, text));
        if let Err(error) = written {
            eprintln!("wayfence-meter: {}: {error}", file.display());
        }
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Resident bytes and open descriptors of this process; 0 without `/proc`.
fn footprint() -> (u64, u64) {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    // The directory's own descriptor is among them.
    let descriptors =
        std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1));
    (
        pages * rustix::param::page_size() as u64,
        descriptors as u64,
    )
}

/// A system call that does nothing, but that a tracer sees.
fn write_mark(mark: &str) {
    // SAFETY: a buffer and its length. The descriptor is invalid, so the kernel refuses.
    unsafe { libc::write(-1, mark.as_ptr().cast(), mark.len()) };
}
