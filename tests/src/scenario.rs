//! A scene that a test plays in every way of synchronisation, with every payload of an acquire.
//!
//! On other drivers than the machine's (`other_driver.rs`) each way is played with one payload: the layer
//! treats the others the same on every driver.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::other_driver::OtherDriver;
use crate::scripted::{Payload, Scene, Stage, Way};
use crate::table;
use crate::watchdog::Watchdog;

/// Time for twelve cells of the table, in each of which a fence of vgem's may expire.
const LIMIT: Duration = Duration::from_secs(150);

/// A scenario, by its name in the table. Each way with each payload is a cell, with a scene of its own.
pub struct Scenario {
    name: &'static str,
    /// Cells that do not apply, and why; the first reason counts.
    not_applicable: Vec<(Way, Payload, &'static str)>,
    looks_at_pixels: bool,
    /// Drivers on which it does not apply, and why.
    not_on: Vec<(OtherDriver, &'static str)>,
}

impl Scenario {
    /// A scenario of this name.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            not_applicable: Vec::new(),
            looks_at_pixels: false,
            not_on: Vec::new(),
        }
    }

    /// It does not apply to this way.
    pub fn not_in(self, way: Way, reason: &'static str) -> Self {
        self.without(reason, |cell, _| cell == way)
    }

    /// It does not apply to the other ways.
    pub fn only_in(self, way: Way, reason: &'static str) -> Self {
        self.without(reason, |cell, _| cell != way)
    }

    /// It does not apply to this payload.
    pub fn not_with(self, payload: Payload, reason: &'static str) -> Self {
        self.without(reason, |_, cell| cell == payload)
    }

    /// It does not apply to the other payloads.
    pub fn only_with(self, payload: Payload, reason: &'static str) -> Self {
        self.without(reason, |_, cell| cell != payload)
    }

    /// It does not apply to this driver.
    pub fn not_on(mut self, driver: impl Into<OtherDriver>, reason: &'static str) -> Self {
        self.not_on.push((driver.into(), reason));
        self
    }

    /// It does not apply to these drivers.
    pub fn not_on_any<const N: usize>(
        self,
        drivers: [impl Into<OtherDriver>; N],
        reason: &'static str,
    ) -> Self {
        drivers
            .into_iter()
            .fold(self, |scenario, driver| scenario.not_on(driver, reason))
    }

    /// It looks at pixels, so it does not apply to drivers that draw nothing.
    pub fn looks_at_pixels(mut self) -> Self {
        self.looks_at_pixels = true;
        self
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
        let driver = OtherDriver::asked_for();
        if driver.is_some_and(|driver| !driver.is_here_or_runs_elsewhere()) {
            return;
        }
        let _watchdog = Watchdog::new(LIMIT, name);
        let stage = Stage::new();
        let mut failed = Vec::new();
        for (way, payload) in self.cells_on(driver) {
            table::record(driver, name, way, payload, "did not end");
            let result = match self.reason_on(driver, way, payload) {
                Some(reason) => format!("n/a: {reason}"),
                // A cell changes only its own scene, never the stage.
                None => match catch_unwind(AssertUnwindSafe(|| cell(stage.scene(way), payload))) {
                    Ok(()) => "pass".to_owned(),
                    Err(_) => {
                        failed.push(format!("{way} {payload}"));
                        "FAIL".to_owned()
                    }
                },
            };
            eprintln!("{name}: {way}, {payload}: {result}");
            table::record(driver, name, way, payload, &result);
        }
        assert!(failed.is_empty(), "{name}: {}", failed.join("; "));
    }

    /// The cells for a driver.
    fn cells_on(&self, driver: Option<OtherDriver>) -> Vec<(Way, Payload)> {
        if driver.is_none() {
            return cells().collect();
        }
        let payload_of = |way| {
            let mut payloads = Payload::ALL.into_iter().rev();
            payloads.find(|payload| self.reason_against(way, *payload).is_none())
        };
        Way::ALL
            .map(|way| (way, payload_of(way).unwrap_or(Payload::Both)))
            .to_vec()
    }

    /// Why a cell is not played on a driver.
    fn reason_on(
        &self,
        driver: Option<OtherDriver>,
        way: Way,
        payload: Payload,
    ) -> Option<&'static str> {
        let not_on = self.not_on.iter().find(|(on, _)| Some(*on) == driver);
        if let Some((_, reason)) = not_on {
            return Some(reason);
        }
        match driver {
            Some(driver) if self.looks_at_pixels && !driver.draws() => {
                Some("nothing is drawn without hardware")
            }
            Some(driver) if way == Way::Implicit && !driver.heeds_fences() => {
                Some("nobody heeds fences on the driver's memory, so that the CPU waits")
            }
            _ => self.reason_against(way, payload),
        }
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
