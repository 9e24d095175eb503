//! What has become of each swapchain from one reading to the next.

use std::time::{Duration, Instant};

use serde::Serialize;
use wayfence::{
    counters::Snapshot,
    live::{Identity, Process, State, Swapchain},
};

/// As far back as the graphs go.
const PAST: Duration = Duration::from_secs(60);

/// The swapchains of all readings, and what they do.
#[derive(Default)]
pub struct History {
    rows: Vec<Row>,
}

/// One swapchain.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The number of its process.
    pub pid: u32,
    /// Its process: there may be another of the same number in a container, or later.
    #[serde(skip)]
    process: Identity,
    /// Whether that lives.
    pub state: Fate,
    /// The swapchain, with its counters at the last reading.
    #[serde(flatten)]
    pub swapchain: Swapchain,
    /// What it did between the last two readings; `None` if there was one only, or if it has ended.
    pub rates: Option<Rates>,
    /// Frames a second at each reading of the last minute, the oldest first.
    #[serde(skip)]
    pub graph: Vec<f64>,
    #[serde(skip)]
    read: Instant,
}

/// What is known of a swapchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Its process lives.
    Living,
    /// It was destroyed, or its process has exited.
    Gone,
    /// Its process was killed, or crashed.
    Killed,
    /// Its process is in another namespace, a container's say: whether it lives cannot be told.
    Elsewhere,
}

/// What a swapchain does in a second, and in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// Presents a second.
    pub frames_per_second: f64,
    /// The mean time in an acquire, in nanoseconds; `None` without one.
    pub acquire_mean_ns: Option<u64>,
    /// The mean time in a present, in nanoseconds; `None` without one.
    pub present_mean_ns: Option<u64>,
    /// Of all acquires, how many found no image free, from 0 to 1.
    pub acquires_held: Option<f64>,
    /// Of all acquires, how many were handed out with a fence that had not signalled, from 0 to 1.
    pub acquires_pending: Option<f64>,
    /// Waits for a fence on the CPU, a second.
    pub cpu_waits_per_second: f64,
}

impl Rates {
    fn between(before: &Snapshot, after: &Snapshot, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let more = |of: fn(&Snapshot) -> u64| of(after).saturating_sub(of(before));
        let presents = more(|counters| counters.presents);
        let acquires = more(Snapshot::acquires);
        let share = |count: u64| (acquires > 0).then(|| (count as f64 / acquires as f64).min(1.0));
        Self {
            frames_per_second: presents as f64 / seconds,
            acquire_mean_ns: more(|counters| counters.acquire_total_ns).checked_div(acquires),
            present_mean_ns: more(|counters| counters.present_total_ns).checked_div(presents),
            acquires_held: share(more(|counters| counters.acquires_held)),
            acquires_pending: share(more(|counters| counters.acquires_pending)),
            cpu_waits_per_second: more(|counters| counters.cpu_waits) as f64 / seconds,
        }
    }
}

impl Row {
    /// Whether there is somebody to watch.
    pub fn is_living(&self) -> bool {
        matches!(self.state, Fate::Living | Fate::Elsewhere)
    }

    fn is(&self, process: Identity, number: u64) -> bool {
        self.process == process && self.swapchain.number == number
    }

    fn take(&mut self, swapchain: Swapchain, now: Instant) {
        let (before, after) = (&self.swapchain.report.counters, &swapchain.report.counters);
        let rates = Rates::between(before, after, now.saturating_duration_since(self.read));
        self.graph.push(rates.frames_per_second);
        self.rates = Some(rates);
        self.swapchain = swapchain;
        self.read = now;
    }
}

impl History {
    /// Everything that was seen, the living first, then by process and age.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Takes a reading into account.
    pub fn add(&mut self, processes: Vec<Process>, now: Instant) {
        // Whom no process has any more.
        for row in &mut self.rows {
            if row.is_living() {
                row.state = Fate::Gone;
            }
            row.rates = None;
        }
        for process in processes {
            let state = match process.state {
                State::Living => Fate::Living,
                State::Ended => Fate::Killed,
                State::Elsewhere => Fate::Elsewhere,
            };
            for swapchain in process.swapchains {
                let known = self
                    .rows
                    .iter_mut()
                    .find(|row| row.is(process.identity, swapchain.number));
                match known {
                    Some(row) if state == Fate::Killed => row.state = state,
                    Some(row) => {
                        row.state = state;
                        row.take(swapchain, now);
                    }
                    None => self.rows.push(Row {
                        pid: process.identity.pid,
                        process: process.identity,
                        state,
                        swapchain,
                        rates: None,
                        graph: Vec::new(),
                        read: now,
                    }),
                }
            }
        }
        // What ended long ago is of no interest to who watches.
        self.rows
            .retain(|row| row.is_living() || now.saturating_duration_since(row.read) < PAST);
        self.rows
            .sort_by_key(|row| (!row.is_living(), row.pid, row.swapchain.number));
    }

    /// Forgets the points of the graphs that are older than a minute, where one is added in each interval.
    pub fn trim(&mut self, interval: Duration) {
        let most = (PAST.as_secs_f64() / interval.as_secs_f64()).ceil() as usize;
        for row in &mut self.rows {
            let surplus = row.graph.len().saturating_sub(most);
            row.graph.drain(..surplus);
        }
    }
}

#[cfg(test)]
pub mod tests {
    use wayfence::{
        latency::Latencies,
        report::{Creation, SwapchainReport},
    };

    use super::*;

    pub fn swapchain(number: u64, counters: Snapshot) -> Swapchain {
        Swapchain {
            number,
            report_file: None,
            report: SwapchainReport {
                pid: 7,
                application: "vkcube".to_owned(),
                driver: "llvmpipe".to_owned(),
                compositor: "weston".to_owned(),
                synchronisation: "explicit".to_owned(),
                format: "B8G8R8A8_UNORM".to_owned(),
                modifier: 0,
                color_space: "SRGB_NONLINEAR".to_owned(),
                hdr_metadata: None,
                extent: [500, 400],
                present_mode: "FIFO".to_owned(),
                image_count: 4,
                creation: Creation::default(),
                latencies: Latencies::default(),
                counters,
            },
        }
    }

    pub fn process(state: State, swapchains: Vec<Swapchain>) -> Process {
        Process {
            identity: Identity {
                pid: 7,
                started: 1,
                namespace: 1,
            },
            state,
            swapchains,
        }
    }

    pub fn frames(frames: u64) -> Snapshot {
        Snapshot {
            acquires_pending: frames / 2,
            acquires_signalled: frames - frames / 2,
            acquires_held: frames / 4,
            presents: frames,
            acquire_total_ns: frames * 1000,
            present_total_ns: frames * 2000,
            ..Snapshot::default()
        }
    }

    fn at(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn rates_are_of_what_happened_in_between() {
        let begin = Instant::now();
        let mut history = History::default();
        let reading = |count| vec![process(State::Living, vec![swapchain(2, frames(count))])];
        history.add(reading(1000), begin);
        assert_eq!(history.rows()[0].rates, None);
        history.add(reading(1120), at(begin, 2));
        let rates = history.rows()[0].rates.unwrap();
        assert_eq!(rates.frames_per_second, 60.0);
        assert_eq!(rates.acquire_mean_ns, Some(1000));
        assert_eq!(rates.present_mean_ns, Some(2000));
        assert_eq!(rates.acquires_pending, Some(0.5));
        assert_eq!(rates.acquires_held, Some(0.25));
        assert_eq!(rates.cpu_waits_per_second, 0.0);
        assert_eq!(history.rows()[0].graph, [60.0]);
    }

    #[test]
    fn a_still_window_has_no_times() {
        let begin = Instant::now();
        let mut history = History::default();
        for second in 0..2 {
            let reading = vec![process(State::Living, vec![swapchain(2, frames(10))])];
            history.add(reading, at(begin, second));
        }
        let rates = history.rows()[0].rates.unwrap();
        assert_eq!(rates.frames_per_second, 0.0);
        assert_eq!(rates.acquire_mean_ns, None);
        assert_eq!(rates.acquires_held, None);
    }

    #[test]
    fn who_is_gone_is_said_to_be_gone_and_then_forgotten() {
        let begin = Instant::now();
        let mut history = History::default();
        let both = vec![swapchain(2, frames(10)), swapchain(3, frames(10))];
        history.add(vec![process(State::Living, both)], begin);
        let one = vec![process(State::Living, vec![swapchain(3, frames(20))])];
        history.add(one, at(begin, 1));
        let states = |history: &History| {
            let rows = history.rows().iter();
            rows.map(|row| (row.swapchain.number, row.state))
                .collect::<Vec<_>>()
        };
        assert_eq!(states(&history), [(3, Fate::Living), (2, Fate::Gone)]);

        let killed = vec![process(State::Ended, vec![swapchain(3, frames(25))])];
        history.add(killed, at(begin, 2));
        assert_eq!(states(&history), [(2, Fate::Gone), (3, Fate::Killed)]);
        assert!(history.rows().iter().all(|row| row.rates.is_none()));

        history.add(Vec::new(), at(begin, 90));
        assert!(history.rows().is_empty());
    }

    /// In two containers; or one after the other, the first of them killed.
    #[test]
    fn processes_of_the_same_number_are_two() {
        for (started, state) in [(1, State::Elsewhere), (9, State::Ended)] {
            let begin = Instant::now();
            let mut history = History::default();
            for second in 0..2 {
                let one = process(State::Living, vec![swapchain(2, frames(60 * second))]);
                let mut other = process(state, vec![swapchain(2, frames(7000))]);
                other.identity.started = started;
                other.identity.namespace += started % 2;
                history.add(vec![one, other], at(begin, second));
            }
            let [first, second] = history.rows() else {
                panic!("{:?}", history.rows());
            };
            assert_eq!(
                (first.state, first.graph.as_slice()),
                (Fate::Living, &[60.0][..])
            );
            assert_ne!(second.state, Fate::Living);
            assert_eq!(second.swapchain.report.counters.presents, 7000);
        }
    }

    #[test]
    fn graphs_go_back_a_minute() {
        let begin = Instant::now();
        let mut history = History::default();
        for second in 0..200 {
            let reading = vec![process(State::Living, vec![swapchain(2, frames(second))])];
            history.add(reading, at(begin, second));
            history.trim(Duration::from_secs(1));
        }
        assert_eq!(history.rows()[0].graph.len(), 60);
    }
}
