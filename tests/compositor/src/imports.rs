//! Which dma-bufs the compositor's device can read.

/// What becomes of imports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Imports {
    /// What keeps to the protocol is imported.
    #[default]
    Proper,
    /// All fail, for a reason that the client could not know.
    Refused,
    /// Those fail whose rows do not begin at multiples of so many bytes.
    PitchOf(u32),
    /// `zwp_linux_buffer_params_v1.create` has no answer.
    Unanswered,
}
