//! What was measured of a workload.

use serde::Serialize;

use crate::figures::Counted;

/// One workload, measured.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub workload: String,
    /// The driver, then each way of the layer.
    pub sides: Vec<Counted>,
}
