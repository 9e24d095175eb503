//! The colours of a swapchain's commits, from the request of a description to the compositor's answer.
//!
//! A description is requested when colours or metadata change, and answered some time later. Until then commits
//! keep the description before, so a present never waits for it; making a swapchain or changing its metadata
//! waits for a bounded time. A refused description is requested once more without metadata. A surface without
//! an accepted description has none, and is shown as sRGB.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::{
    deadline::Deadline,
    error::Result,
    lock::lock,
    observe::trace::Trace,
    wayland::{
        ColourSurface, ImageDescription, Lease, Surface,
        colour::{Description, Metadata, Space, Volume},
    },
};

/// How long a new swapchain waits for the compositor to accept its colours, so that its first frame has them.
/// It does not wait if another swapchain had the same.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);

/// How long a change of metadata waits, so that the next frame has it. It does not wait while an earlier answer
/// is outstanding.
const PATIENCE: Duration = Duration::from_millis(100);

/// The colours of one swapchain.
pub(super) struct Appearance {
    space: &'static Space,
    trace: Trace,
    /// Kept for [`Surface::commit`].
    _object: Lease<ColourSurface>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    metadata: Metadata,
    /// The description of commits.
    shown: Option<Arc<ImageDescription>>,
    /// The description that they are to have.
    asked: Option<Arc<ImageDescription>>,
}

impl State {
    /// What the compositor was told last of which colours are used.
    fn volume(&self) -> Volume {
        let shown = self.shown.as_ref();
        shown.map_or_else(Volume::default, |shown| shown.says().volume)
    }
}

impl Appearance {
    /// Requests the description of a swapchain in this space, and waits for it. `None` for a space without one:
    /// then the surface has no object of ours any more.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::error::Error::Unsupported) if the compositor cannot show it,
    /// [`Error::CompositorGone`](crate::error::Error::CompositorGone).
    pub(super) fn new(
        surface: &Surface,
        space: &'static Space,
        trace: Trace,
    ) -> Result<Option<Self>> {
        if space.is_untold() {
            surface.leave_colour();
            return Ok(None);
        }
        let plain = surface.plain(space)?;
        let appearance = Appearance {
            space,
            trace,
            _object: surface.colour()?,
            state: Mutex::new(State {
                asked: Some(surface.describe(plain)?),
                ..State::default()
            }),
        };
        appearance.settle(surface, FIRST_PATIENCE)?;
        Ok(Some(appearance))
    }

    /// Changes the metadata, and waits until the compositor has accepted it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn set_metadata(&self, surface: &Surface, metadata: &Metadata) -> Result<()> {
        let mut state = lock(&self.state);
        // Not `==`: NaN equals NaN here.
        if state.metadata.is_same(metadata) {
            return Ok(());
        }
        state.metadata = *metadata;
        let late = state.asked.is_some();
        let (says, left_out) = surface.with_metadata(self.space, metadata)?;
        for part in left_out {
            tracing::warn!(
                value = part.value,
                why = part.why,
                "HDR metadata that the compositor is not told"
            );
        }
        tracing::info!(space = %self.space, volume = ?says.volume, "HDR metadata");
        state.asked = Some(surface.describe(says)?);
        drop(state);
        match late {
            true => surface.display().flush(),
            false => self.settle(surface, PATIENCE),
        }
    }

    /// What the compositor was told last of which colours are used.
    pub(super) fn volume(&self) -> Option<Volume> {
        let volume = lock(&self.state).volume();
        (volume != Volume::default()).then_some(volume)
    }

    /// The description of the next commit. Never waits.
    pub(super) fn current(&self, surface: &Surface) -> Option<Arc<ImageDescription>> {
        let mut state = lock(&self.state);
        self.advance(surface, &mut state);
        state.shown.clone()
    }

    /// Waits for at most so long until no answer is outstanding.
    fn settle(&self, surface: &Surface, patience: Duration) -> Result<()> {
        let deadline = Deadline::At(Instant::now() + patience);
        let settled = surface.display().wait(deadline, || {
            let mut state = lock(&self.state);
            self.advance(surface, &mut state);
            state.asked.is_none().then_some(())
        })?;
        if settled.is_none() {
            tracing::warn!(
                space = %self.space,
                "the compositor is slow to accept a colour description: frames have none until then"
            );
        }
        Ok(())
    }

    /// Takes the compositor's answer, if it has come.
    fn advance(&self, surface: &Surface, state: &mut State) {
        while let Some(asked) = &state.asked
            && let Some(answer) = asked.answer()
        {
            let Err(why) = answer else {
                let before = state.volume();
                state.shown = state.asked.take();
                if state.volume() != before {
                    self.trace.metadata(state.volume());
                }
                return;
            };
            let plain = surface.plain(self.space).ok();
            let again = plain.filter(|plain| *plain != *asked.says());
            match again {
                Some(_) => tracing::warn!(
                    space = %self.space,
                    why,
                    "the compositor refuses the HDR metadata"
                ),
                // The accepted description stays.
                None if state.shown.is_some() => {}
                None => tracing::warn!(
                    space = %self.space,
                    why,
                    "the compositor refuses the colour space: it is shown as sRGB"
                ),
            }
            state.asked = again.and_then(|plain: Description| surface.describe(plain).ok());
        }
    }
}
