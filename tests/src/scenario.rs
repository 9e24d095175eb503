//! What a test plays in every way of synchronisation, with every payload of an acquire.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::scripted::{Payload, Scene, Stage, Way};
use crate::table;
use crate::watchdog::Watchdog;

/// Twelve cells of the table, each of which has time for a fence of vgem's to expire.
const LIMIT: Duration = Duration::from_secs(150);

/// A scenario, by its name in the table. Each way with each payload is a cell: a scene of its own.
pub struct Scenario {
    name: &'static str,
    /// Cells in which there is nothing to show, and why; the first reason counts.
    not_applicable: Vec<(Way, Payload, &'static str)>,
}

impl Scenario {
    /// A scenario of this name.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            not_applicable: Vec::new(),
        }
    }

    /// In this way there is nothing to show.
    pub fn not_in(self, way: Way, reason: &'static str) -> Self {
        self.without(reason, |cell, _| cell == way)
    }

    /// In the other ways there is nothing to show.
    pub fn only_in(self, way: Way, reason: &'static str) -> Self {
        self.without(reason, |cell, _| cell != way)
    }

    /// With this payload there is nothing to show.
    pub fn not_with(self, payload: Payload, reason: &'static str) -> Self {
        self.without(reason, |_, cell| cell == payload)
    }

    /// With the other payloads there is nothing to show.
    pub fn only_with(self, payload: Payload, reason: &'static str) -> Self {
        self.without(reason, |_, cell| cell != payload)
    }

    fn without(mut self, reason: &'static str, which: impl Fn(Way, Payload) -> bool) -> Self {
        let cells = cells().filter(|(way, payload)| which(*way, *payload));
        self.not_applicable
            .extend(cells.map(|(way, payload)| (way, payload, reason)));
        self
    }

    /// Plays it in each cell.
    ///
    /// # Panics
    /// After the last cell, if one has failed. The process ends if the cells together take too long.
    pub fn play(self, cell: impl Fn(Scene<'_>, Payload)) {
        let name = self.name;
        let _watchdog = Watchdog::new(LIMIT, name);
        let stage = Stage::new();
        let mut failed = Vec::new();
        for (way, payload) in cells() {
            table::record(name, way, payload, "did not end");
            let result = match self.reason_against(way, payload) {
                Some(reason) => format!("n/a: {reason}"),
                // What a cell changes goes with it; the stage is as it was.
                None => match catch_unwind(AssertUnwindSafe(|| cell(stage.scene(way), payload))) {
                    Ok(()) => "pass".to_owned(),
                    Err(_) => {
                        failed.push(format!("{way} {payload}"));
                        "FAIL".to_owned()
                    }
                },
            };
            eprintln!("{name}: {way}, {payload}: {result}");
            table::record(name, way, payload, &result);
        }
        assert!(failed.is_empty(), "{name}: {}", failed.join("; "));
    }

    fn reason_against(&self, way: Way, payload: Payload) -> Option<&'static str> {
        let mut cells = self.not_applicable.iter();
        let (_, _, reason) = cells.find(|cell| (cell.0, cell.1) == (way, payload))?;
        Some(reason)
    }
}

fn cells() -> impl Iterator<Item = (Way, Payload)> {
    Way::ALL
        .into_iter()
        .flat_map(|way| Payload::ALL.map(|payload| (way, payload)))
}
