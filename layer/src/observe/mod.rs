//! What the layer tells of its swapchains: where report and trace go.

pub mod report;
pub mod trace;
