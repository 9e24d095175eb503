//! Which dma-bufs the compositor's device can read.

/// The outcome of imports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Imports {
    /// Everything valid is imported.
    #[default]
    Proper,
    /// All fail, although they are valid.
    Refused,
    /// Those fail whose stride is no multiple of so many bytes.
    PitchOf(u32),
    /// `zwp_linux_buffer_params_v1.create` has no answer.
    Unanswered,
    /// It is answered [later](crate::Compositor::answer_imports), or when the client destroys the object, as if that
    /// had not been read yet.
    Later,
}
