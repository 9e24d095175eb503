//! The benchmark's runs, in their order.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use wayfence_tests::real_driver::RealDriver;

use crate::{
    application::Mode,
    baseline::Baseline,
    claims,
    figures::{Counted, Owned},
    outcome::Outcome,
    plot,
    share::Share,
    side::{Amount, Pass, Run, Side, Workload, Workplace},
    strace::{self, Trace},
    table::Table,
};

/// How much is measured, and where it goes.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Rounds; each runs every side once.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Frames that count in each run.
    #[arg(long, default_value_t = 300)]
    pub frames: u64,
    /// One round of few frames, to check that the benchmark works.
    #[arg(long)]
    pub quick: bool,
    /// The layer's ways of synchronisation, as `WAYFENCE_SYNC` takes them, separated by commas; `all`: those
    /// that are available here.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    pub sync: Vec<String>,
    /// Milliseconds of CPU work in each frame of the loop.
    #[arg(long, default_value_t = 0)]
    pub work: u64,
    /// Compare with this baseline, and say what has changed.
    #[arg(long)]
    pub compare: Option<PathBuf>,
    /// The present mode.
    #[arg(long, value_enum, default_value = "mailbox")]
    pub mode: Mode,
    /// Another application to measure, a command that ends by itself, in place of vkcube.
    #[arg(long)]
    pub app: Option<String>,
    /// One of Mesa's drivers without its hardware, in place of the one that the loader finds: radv,
    /// turnip, nvk or honeykrisp. It draws nothing.
    #[arg(long)]
    pub driver: Option<RealDriver>,
    /// Where results go: bench.json, bench.svg, bench.txt.
    #[arg(long)]
    pub output: PathBuf,
}

/// What the results describe.
#[derive(Debug, Serialize)]
struct Results<'a> {
    version: &'static str,
    compositor: Option<String>,
    driver: Option<String>,
    processors: usize,
    rounds: u32,
    frames: u64,
    workloads: &'a [Outcome],
}

/// The ways that `all` measures: `cpu` is only for old kernels.
const WAYS: [&str; 3] = ["implicit", "explicit", "syncobj"];
/// Frames before those that count.
const WARM_UP: u64 = 30;
/// How often a swapchain is recreated in a run.
const AGAIN: u32 = 20;
/// Frames in which allocations and system calls are counted: these vary less than times.
const COUNTED_FRAMES: u64 = 100;
/// The same on a driver without hardware: the library that plays its kernel makes system calls of its own, and
/// strace unwinds the stack of each.
const COUNTED_FRAMES_WITHOUT_HARDWARE: u64 = 12;

impl Settings {
    fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn amount(&self, pass: Pass) -> Amount {
        let (frames, again) = match pass {
            Pass::Times => (self.frames.max(1), AGAIN),
            Pass::Allocations | Pass::SystemCalls => {
                let counted = match self.driver {
                    None => COUNTED_FRAMES,
                    Some(_) => COUNTED_FRAMES_WITHOUT_HARDWARE,
                };
                // In the runs that count allocations the layer reports how long its images took.
                let again = if pass == Pass::Allocations { AGAIN } else { 0 };
                (counted.min(self.frames.max(1)), again)
            }
        };
        Amount {
            warm_up: if self.quick { 10 } else { WARM_UP },
            frames: if self.quick { frames.min(30) } else { frames },
            again: if self.quick { again.min(4) } else { again },
            timeout: Duration::from_secs(300),
        }
    }

    fn workloads(&self) -> Vec<Workload> {
        let application = match &self.app {
            None => Workload::Vkcube(self.mode),
            Some(command) => {
                Workload::Other(command.split_whitespace().map(str::to_owned).collect())
            }
        };
        vec![Workload::Loop(self.mode, self.work), application]
    }

    /// Runs the benchmark: progress on standard error, the table on standard output.
    ///
    /// # Errors
    /// If something could not be measured. No figure is an error.
    pub fn run(&self) -> Result<()> {
        fs::create_dir_all(&self.output).with_context(|| self.output.display().to_string())?;
        let workplace = Workplace::new(self.driver)?;
        let progress = Progress::new();
        let mut outcomes = Vec::new();
        let mut printed = String::new();
        for workload in self.workloads() {
            let outcome = self
                .measure(&workplace, &workload, &progress)
                .with_context(|| workload.name())?;
            let mut text = format!("{}\n", Table(&outcome));
            for claim in claims::of(&outcome) {
                text += &format!("{claim}\n");
            }
            for side in outcome.sides.iter().filter(|side| side.layer) {
                for culprit in claims::culprits(side) {
                    text += &format!("{}: the layer allocates {culprit}\n", side.name);
                }
            }
            println!("{text}");
            printed += &text;
            printed += "\n";
            outcomes.push(outcome);
        }
        let compositor = std::env::var("WAYFENCE_COMPOSITOR").unwrap_or_else(|_| "here".to_owned());
        let compositor = match &self.driver {
            None => compositor,
            Some(driver) => format!("{compositor}, {driver}"),
        };
        let mut baseline = match &self.compare {
            None => Baseline::default(),
            Some(path) => {
                let baseline = Baseline::read(path)?;
                let (is_known, changes) = baseline.changes(&compositor, &outcomes);
                let mut text = match (is_known, changes.is_empty()) {
                    (false, _) => "nothing to compare with\n".to_owned(),
                    (true, true) => "all ratios are as they were\n".to_owned(),
                    (true, false) => String::new(),
                };
                for change in changes {
                    text += &format!("{change}\n");
                }
                println!("{text}");
                printed += &text;
                baseline
            }
        };
        baseline.put(&compositor, &outcomes);
        self.write(&outcomes, &printed, &baseline)
    }

    fn write(&self, outcomes: &[Outcome], table: &str, baseline: &Baseline) -> Result<()> {
        let results = Results {
            version: env!("CARGO_PKG_VERSION"),
            compositor: std::env::var("WAYFENCE_COMPOSITOR").ok(),
            driver: self.driver.map(|driver| driver.to_string()),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            rounds: self.rounds(),
            frames: self.amount(Pass::Times).frames,
            workloads: outcomes,
        };
        let write = |name: &str, text: &str| {
            let file = self.output.join(name);
            fs::write(&file, text).with_context(|| file.display().to_string())
        };
        write("bench.json", &serde_json::to_string(&results)?)?;
        write("bench.svg", &plot::draw(outcomes))?;
        write("baseline.json", &baseline.text()?)?;
        write("bench.txt", table)
    }

    fn measure(
        &self,
        workplace: &Workplace,
        workload: &Workload,
        progress: &Progress,
    ) -> Result<Outcome> {
        let all = self.sync == ["all"];
        let ways: Vec<String> = match all {
            true => WAYS.map(str::to_owned).into(),
            false => self.sync.clone(),
        };
        let ways = ways.into_iter().map(Side::Layer);
        let mut sides: Vec<(Side, Counted)> = Vec::new();
        // These runs warm the machine's caches, too, for those that are timed.
        for side in std::iter::once(Side::Driver).chain(ways) {
            let run = |pass| {
                progress.tell(workload, &side, pass, None);
                workplace.run(workload, &side, pass, self.amount(pass))
            };
            let allocations = match run(Pass::Allocations) {
                Err(error) if all && side.is_layer() => {
                    eprintln!("wayfence-bench: not measured: {error:#}");
                    continue;
                }
                allocations => allocations?,
            };
            let name = allocations.way.as_deref().unwrap_or("driver");
            if sides.iter().any(|(_, known)| known.name == name) {
                continue;
            }
            let driver = match sides.first() {
                Some((_, driver)) => driver.rounds[0].below.clone(),
                None => allocations.measurement.below.clone(),
            };
            let trace = strace::read(&run(Pass::SystemCalls)?.trace, &driver);
            ensure!(
                trace.frames > 0,
                "strace has seen no marks: could the meter not start it, or do several threads present?"
            );
            sides.push((side.clone(), counted(&side, allocations, &driver, trace)));
        }
        ensure!(
            sides.len() > 1,
            "the layer could not be measured in any way"
        );
        for round in 0..self.rounds() {
            for (side, counted) in &mut sides {
                progress.tell(
                    workload,
                    side,
                    Pass::Times,
                    Some((round + 1, self.rounds())),
                );
                let run = workplace.run(workload, side, Pass::Times, self.amount(Pass::Times))?;
                if round == 0 {
                    // The runs for allocations said which file is below; their times do not count.
                    counted.rounds.clear();
                }
                counted.rounds.push(run.measurement);
            }
        }
        Ok(Outcome {
            workload: match self.driver {
                Some(driver) => format!("{}, {driver}", workload.name()),
                None => workload.name(),
            },
            sides: sides.into_iter().map(|(_, counted)| counted).collect(),
        })
    }
}

fn counted(side: &Side, run: Run, driver: &str, trace: Trace) -> Counted {
    let mut measurement = run.measurement;
    let allocations = std::mem::take(&mut measurement.allocations)
        .into_iter()
        .map(|allocations| {
            let stack = allocations.stack.iter();
            Owned {
                share: Share::of(stack.map(|place| place.module.as_str()), driver),
                allocations,
            }
        })
        .collect();
    Counted {
        name: run.way.unwrap_or_else(|| "driver".to_owned()),
        layer: side.is_layer(),
        allocations,
        allocations_frames: measurement.presents.len() as u64,
        told: measurement.creations.clone(),
        rounds: vec![measurement],
        trace,
    }
}

/// Progress on standard error.
struct Progress {
    begun: Instant,
}

impl Progress {
    fn new() -> Self {
        Progress {
            begun: Instant::now(),
        }
    }

    fn tell(&self, workload: &Workload, side: &Side, pass: Pass, round: Option<(u32, u32)>) {
        let side = match side {
            Side::Driver => "the driver's own swapchains".to_owned(),
            Side::Layer(way) => format!("the layer, {way}"),
        };
        let pass = match (pass, round) {
            (Pass::Times, Some((round, rounds))) => format!("times, round {round} of {rounds}"),
            (Pass::Times, None) => "times".to_owned(),
            (Pass::Allocations, _) => "heap allocations".to_owned(),
            (Pass::SystemCalls, _) => "system calls".to_owned(),
        };
        eprintln!(
            "wayfence-bench: {:4} s: {}: {side}: {pass}",
            self.begun.elapsed().as_secs(),
            workload.name()
        );
    }
}
