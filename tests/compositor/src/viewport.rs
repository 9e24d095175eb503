//! Crop and scale.

/// Crop and scale of a surface (`wp_viewport`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Viewport {
    /// What is taken of the buffer, after its scale and transform: x, y, width, height.
    pub source: Option<(f64, f64, f64, f64)>,
    /// The size that it gets on the surface.
    pub destination: Option<(i32, i32)>,
}
