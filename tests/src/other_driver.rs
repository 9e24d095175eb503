//! The driver on which a test runs, if it is not this machine's: one of Mesa's without its hardware, or another
//! driver's manner.
//!
//! `WAYFENCE_TEST_ON` names it. It needs environment variables, so the test runs again in a process that has
//! them.

use std::{env, fmt};

use crate::child;
use crate::hardware::Driver;
use crate::manner::Manner;
use crate::real_driver::{Kernel, RealDriver};

/// A driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherDriver {
    /// One of Mesa's: nothing is drawn.
    Real(RealDriver),
    /// How another driver treats shared memory; this machine's driver draws.
    Manner(Manner),
}

impl From<RealDriver> for OtherDriver {
    fn from(driver: RealDriver) -> Self {
        Self::Real(driver)
    }
}

impl From<Manner> for OtherDriver {
    fn from(manner: Manner) -> Self {
        Self::Manner(manner)
    }
}

const ON: &str = "WAYFENCE_TEST_ON";
/// The driver of this process.
const IS_ON: &str = "WAYFENCE_TEST_IS_ON";

impl OtherDriver {
    /// The driver on which tests are to run, if one is named.
    ///
    /// # Panics
    /// If `WAYFENCE_TEST_ON` names no driver.
    pub fn asked_for() -> Option<Self> {
        let name = env::var(ON).ok()?;
        let real = RealDriver::ALL.map(Self::Real);
        let manners = Manner::ALL.map(Self::Manner);
        let mut all = real.into_iter().chain(manners);
        let found = all.find(|driver| driver.to_string() == name);
        Some(found.unwrap_or_else(|| panic!("{ON}={name}")))
    }

    /// Whether this process is on it. If not, runs the tests that this process was to run in one that is.
    ///
    /// # Panics
    /// If they fail there.
    pub fn is_here_or_runs_elsewhere(self) -> bool {
        if self.is_here() {
            return true;
        }
        let status = child::again(self.environment())
            .args(env::args_os().skip(1))
            .status()
            .expect("a process can be started");
        assert!(status.success(), "on {self}: {status}");
        false
    }

    /// Whether this process runs on it. If it does, the default main device of compositors is such a device from now
    /// on, for this thread.
    pub fn is_here(self) -> bool {
        let is_here = env::var(IS_ON).is_ok_and(|name| name == self.to_string());
        if let (true, Self::Manner(manner)) = (is_here, self) {
            manner.bind_main_device();
        }
        is_here
    }

    /// The environment variables with which a process runs on it. A manner needs those of the test driver, too.
    ///
    /// # Panics
    /// If this machine lacks what plays it.
    pub fn environment(self) -> Vec<(String, String)> {
        let mut variables = match self {
            Self::Real(driver) => driver.environment(Kernel::Complete),
            Self::Manner(manner) => manner.environment(),
        };
        variables.push((IS_ON.to_owned(), self.to_string()));
        variables
    }

    /// Whether it draws.
    pub fn draws(self) -> bool {
        matches!(self, Self::Manner(_))
    }

    /// Whether a compositor on the same device heeds fences on its memory.
    pub fn heeds_fences(self) -> bool {
        match self {
            Self::Real(driver) => driver.heeds_fences(),
            Self::Manner(manner) => manner.heeds_fences(),
        }
    }
}

impl fmt::Display for OtherDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real(driver) => f.write_str(&driver.to_string().to_lowercase()),
            Self::Manner(manner) => manner.fmt(f),
        }
    }
}
