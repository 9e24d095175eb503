//! The figures of one side, made from its runs.

use serde::Serialize;

use crate::{
    measurement::{Allocations, Call, Creation, Measurement},
    share::Share,
    statistics::{median, percentile},
    strace::{SystemCalls, Trace},
};

/// The measurements of one side's runs.
#[derive(Debug, Serialize)]
pub struct Counted {
    /// `driver`, or the way of synchronisation with the layer on.
    pub name: String,
    /// Whether the layer is on.
    pub layer: bool,
    /// The measurement of each round.
    pub rounds: Vec<Measurement>,
    /// Swapchains made while the layer reported how long its images took.
    pub told: Vec<Creation>,
    /// Heap allocations of the measured frames, by stack.
    pub allocations: Vec<Owned>,
    /// The frames in which they were counted.
    pub allocations_frames: u64,
    /// System calls of the measured frames.
    pub trace: Trace,
}

/// Allocations with the same stack, and whose they are.
#[derive(Debug, Serialize)]
pub struct Owned {
    /// Whose.
    pub share: Share,
    /// Their number and stack.
    #[serde(flatten)]
    pub allocations: Allocations,
}

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, written in the unit that fits.
    Time,
    /// Bytes, written as MiB.
    Memory,
    /// Just a number.
    Number,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it says.
    pub title: &'static str,
    /// How it is written.
    pub unit: Unit,
    /// Whether more is better; otherwise less is.
    pub more_is_better: bool,
    /// The figure from a side's runs; `None` where they have none.
    pub of: fn(&Counted) -> Option<f64>,
}

const fn time(title: &'static str, of: fn(&Counted) -> Option<f64>) -> Row {
    row(title, Unit::Time, of)
}

const fn number(title: &'static str, of: fn(&Counted) -> Option<f64>) -> Row {
    row(title, Unit::Number, of)
}

const fn row(title: &'static str, unit: Unit, of: fn(&Counted) -> Option<f64>) -> Row {
    Row {
        title,
        unit,
        more_is_better: false,
        of,
    }
}

/// Every row, in order.
pub const ROWS: &[Row] = &[
    Row {
        more_is_better: true,
        ..number("frames a second", |side| {
            side.each_round(|run| Some(run.presents.len() as f64 * 1e9 / positive(run.wall)?))
        })
    },
    time("CPU time in acquire and present", |side| {
        side.each_round(|run| {
            let both = run.acquires.iter().chain(&run.presents);
            let all: u64 = both.map(|call| call.cpu).sum();
            Some(all as f64 / positive(run.presents.len() as u64)?)
        })
    }),
    time("CPU time of the process", |side| {
        side.each_round(|run| Some(run.cpu as f64 / positive(run.presents.len() as u64)?))
    }),
    time("acquire, p50", |side| side.call(50.0, |run| &run.acquires)),
    time("acquire, p99", |side| side.call(99.0, |run| &run.acquires)),
    time("acquire, max", |side| side.call(100.0, |run| &run.acquires)),
    time("present, p50", |side| side.call(50.0, |run| &run.presents)),
    time("present, p99", |side| side.call(99.0, |run| &run.presents)),
    time("present, max", |side| side.call(100.0, |run| &run.presents)),
    number(SYSTEM_CALLS, |side| {
        side.system_calls(|call| call.share.is_wsi(side.layer) && !call.reads_a_clock())
    }),
    number("  of these waits for a lock (futex)", |side| {
        side.system_calls(|call| call.share.is_wsi(side.layer) && call.name == "futex")
    }),
    number("clocks of its own, where they are system calls", |side| {
        side.system_calls(|call| call.share.is_wsi(side.layer) && call.reads_a_clock())
    }),
    number("system calls of the driver under it", |side| {
        let below = |call: &SystemCalls| {
            matches!(call.share, Share::Driver | Share::DriversLibraries) && !call.reads_a_clock()
        };
        side.layer.then(|| side.system_calls(below)).flatten()
    }),
    number(ALLOCATIONS, |side| {
        side.allocations(|share| share.is_wsi(side.layer) && !share.is_of_libraries())
    }),
    number("heap allocations of libwayland for it", |side| {
        side.allocations(|share| share.is_wsi(side.layer) && share.is_of_libraries())
    }),
    number("heap allocations of the driver under it", |side| {
        let below = |share| matches!(share, Share::Driver | Share::DriversLibraries);
        side.layer.then(|| side.allocations(below)).flatten()
    }),
    time("creating a swapchain", |side| {
        side.creations(false, |creation| Some(creation.wall as f64))
    }),
    time(RECREATION, |side| {
        side.creations(true, |creation| Some(creation.wall as f64))
    }),
    time(IMAGES, |side| {
        let anew = side.told.iter().filter(|creation| creation.replaces);
        median(anew.filter_map(|creation| creation.images.map(|time| time as f64)))
    }),
    time("surface queries, first of each", |side| {
        side.each_round(|run| {
            let first = QUERIES.iter().filter_map(|name| queries(run, name).next());
            median_is_there(first.sum())
        })
    }),
    time("surface support, later", |side| side.later(QUERIES[0])),
    time("surface capabilities, later", |side| side.later(QUERIES[1])),
    time(FORMATS, |side| side.later(QUERIES[2])),
    time(PRESENT_MODES, |side| side.later(QUERIES[3])),
    row("resident memory", Unit::Memory, |side| {
        side.each_round(|run| positive(run.resident))
    }),
    number("descriptors", |side| {
        side.each_round(|run| positive(run.descriptors))
    }),
];

/// The row of the implementation's own system calls.
pub const SYSTEM_CALLS: &str = "system calls of its own a frame";
/// The row of the implementation's own heap allocations.
pub const ALLOCATIONS: &str = "heap allocations of its own a frame";
/// The row of waits for locks.
pub const FUTEX: &str = "  of these waits for a lock (futex)";
/// The row of recreation.
pub const RECREATION: &str = "making a swapchain anew";
/// The row of what recreation costs in the driver under the layer.
pub const IMAGES: &str = "  of this in the driver, for the images";
/// The row of a query that takes Mesa a round trip.
pub const FORMATS: &str = "surface formats, later";
/// The row of the other query that takes Mesa a round trip.
pub const PRESENT_MODES: &str = "present modes, later";

const QUERIES: [&str; 4] = [
    "vkGetPhysicalDeviceSurfaceSupportKHR",
    "vkGetPhysicalDeviceSurfaceCapabilitiesKHR",
    "vkGetPhysicalDeviceSurfaceFormatsKHR",
    "vkGetPhysicalDeviceSurfacePresentModesKHR",
];

/// The row with this title.
pub fn row_of(title: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.title == title)
}

impl Counted {
    /// The median over the rounds.
    fn each_round(&self, of: impl Fn(&Measurement) -> Option<f64>) -> Option<f64> {
        median(self.rounds.iter().filter_map(of))
    }

    fn call(&self, percent: f64, calls: fn(&Measurement) -> &Vec<Call>) -> Option<f64> {
        self.each_round(|run| {
            let times = calls(run).iter().map(|call| call.wall as f64);
            percentile(times, percent)
        })
    }

    fn system_calls(&self, which: impl Fn(&SystemCalls) -> bool) -> Option<f64> {
        let all = self.trace.calls.iter().filter(|call| which(call));
        let count: u64 = all.map(|call| call.count).sum();
        Some(count as f64 / positive(self.trace.frames)?)
    }

    fn allocations(&self, whose: impl Fn(Share) -> bool) -> Option<f64> {
        let all = self.allocations.iter().filter(|owned| whose(owned.share));
        let count: u64 = all.map(|owned| owned.allocations.count).sum();
        Some(count as f64 / positive(self.allocations_frames)?)
    }

    /// Creations that replace another swapchain, or those that do not.
    fn creations(&self, replaces: bool, of: fn(&Creation) -> Option<f64>) -> Option<f64> {
        self.each_round(|run| {
            let creations = run.creations.iter();
            median(
                creations
                    .filter(|creation| creation.replaces == replaces)
                    .filter_map(of),
            )
        })
    }

    fn later(&self, command: &str) -> Option<f64> {
        self.each_round(|run| median(queries(run, command).skip(1)))
    }
}

fn queries<'a>(run: &'a Measurement, command: &'a str) -> impl Iterator<Item = f64> + 'a {
    let such = run
        .queries
        .iter()
        .filter(move |query| query.command == command);
    such.map(|query| query.wall as f64)
}

fn positive(number: u64) -> Option<f64> {
    (number > 0).then_some(number as f64)
}

fn median_is_there(time: f64) -> Option<f64> {
    (time > 0.0).then_some(time)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::measurement::Query;

    fn measurement(acquire: u64) -> Measurement {
        let call = |wall| Call {
            wall,
            cpu: wall / 2,
        };
        let creation = |replaces, wall| Creation {
            replaces,
            wall,
            images: replaces.then_some(wall / 4),
        };
        let query = |wall| Query {
            command: QUERIES[2].to_owned(),
            wall,
        };
        Measurement {
            acquires: vec![call(acquire); 10],
            presents: vec![call(100); 10],
            wall: 1_000_000_000,
            cpu: 50_000,
            creations: vec![
                creation(false, 7_000),
                creation(true, 3_000),
                creation(true, 5_000),
            ],
            queries: vec![query(9_000), query(10), query(20)],
            resident: 1 << 20,
            descriptors: 20,
            ..Measurement::default()
        }
    }

    /// A side with plausible measurements.
    pub(crate) fn counted(name: &str, layer: bool, acquire: u64) -> Counted {
        let owned = |share, count| Owned {
            share,
            allocations: Allocations {
                count,
                stack: Vec::new(),
            },
        };
        let calls = |share, name: &str, count| SystemCalls {
            present: false,
            share,
            name: name.to_owned(),
            count,
        };
        Counted {
            name: name.to_owned(),
            layer,
            rounds: [1, 3, 2].map(|times| measurement(acquire * times)).into(),
            told: measurement(acquire).creations,
            allocations: vec![
                owned(Share::Driver, 40),
                owned(Share::LayersLibraries, 20),
                owned(Share::Others, 999),
            ],
            allocations_frames: 10,
            trace: Trace {
                frames: 5,
                calls: vec![
                    calls(Share::Driver, "futex", 10),
                    calls(Share::Layer, "poll", 15),
                    calls(Share::Layer, "clock_gettime", 25),
                ],
            },
        }
    }

    fn figure(side: &Counted, title: &str) -> Option<f64> {
        (row_of(title).unwrap().of)(side)
    }

    #[test]
    fn a_figure_is_the_median_of_the_rounds() {
        let side = counted("implicit", true, 100);
        assert_eq!(figure(&side, "frames a second"), Some(10.0));
        assert_eq!(figure(&side, "acquire, p50"), Some(200.0));
        assert_eq!(
            figure(&side, "CPU time in acquire and present"),
            Some(150.0)
        );
        assert_eq!(figure(&side, RECREATION), Some(4_000.0));
        assert_eq!(figure(&side, IMAGES), Some(1_000.0));
        assert_eq!(figure(&side, FORMATS), Some(15.0));
        assert_eq!(figure(&side, PRESENT_MODES), None);
        assert_eq!(
            figure(&side, "surface queries, first of each"),
            Some(9_000.0)
        );
    }

    #[test]
    fn the_implementation_is_the_layer_where_it_is_on() {
        let layer = counted("implicit", true, 1);
        assert_eq!(figure(&layer, SYSTEM_CALLS), Some(3.0));
        assert_eq!(figure(&layer, FUTEX), Some(0.0));
        let clocks = "clocks of its own, where they are system calls";
        assert_eq!(figure(&layer, clocks), Some(5.0));
        assert_eq!(
            figure(&layer, "system calls of the driver under it"),
            Some(2.0)
        );
        assert_eq!(figure(&layer, ALLOCATIONS), Some(0.0));
        assert_eq!(
            figure(&layer, "heap allocations of libwayland for it"),
            Some(2.0)
        );
        let driver = counted("driver", false, 1);
        assert_eq!(figure(&driver, FUTEX), Some(2.0));
        assert_eq!(figure(&driver, "system calls of the driver under it"), None);
        assert_eq!(figure(&driver, ALLOCATIONS), Some(4.0));
    }

    #[test]
    fn titles_are_unique() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..index].iter().all(|other| other.title != row.title));
        }
    }
}
