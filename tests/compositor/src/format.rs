//! DRM formats.

/// A DRM format and its modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// `DRM_FORMAT_…`.
    pub fourcc: u32,
    /// `DRM_FORMAT_MOD_…`.
    pub modifier: u64,
}

impl Format {
    /// `DRM_FORMAT_MOD_LINEAR`.
    pub const LINEAR: u64 = 0;
    /// `DRM_FORMAT_MOD_INVALID`: the layout is implied by the dma-buf.
    pub const INVALID: u64 = 0x00ff_ffff_ffff_ffff;
}
