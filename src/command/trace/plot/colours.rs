//! What is drawn in which colour.

pub const PAPER: &str = "#ffffff";
pub const INK: &str = "#1f2937";
pub const FAINT_INK: &str = "#6b7280";
pub const GRID: &str = "#e5e7eb";
pub const LANE: &str = "#f8fafc";
pub const APPLICATION: &str = "#3b82f6";
pub const IN_FLIGHT: &str = "#f59e0b";
pub const COMPOSITOR: &str = "#10b981";
pub const FENCE: &str = "#dc2626";
pub const ACQUIRE: &str = "#94a3b8";
pub const PRESENT: &str = "#475569";

/// What a fence is filled with: the pattern of [`hatching`](super::shapes::hatching).
pub const FENCED: &str = "url(#fence)";
