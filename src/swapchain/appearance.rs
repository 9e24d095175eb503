//! What a swapchain's commits say of their colours, from the wish to the compositor's consent.
//!
//! A description is asked for when colours or metadata change, and answered some time later: until then
//! commits say what they said before. So a present never waits for it, and whoever makes a swapchain or
//! changes its metadata does for a bounded time. What fails is asked for once more without metadata; a
//! surface of which no description was ever taken has none, and is shown as sRGB.

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
        ColourSurface, ImageDescription, Surface,
        colour::{Description, Metadata, Space, Volume},
    },
};

/// How long a new swapchain waits for the compositor to take its colours, so that already its first frame
/// has them. It waits for nothing where another swapchain has had the same.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);

/// How long changed metadata waits, so that already the next frame has it. Not again while the answer to
/// what came before is outstanding.
const PATIENCE: Duration = Duration::from_millis(100);

/// The colours of one swapchain.
pub(super) struct Appearance {
    space: &'static Space,
    trace: Trace,
    /// Kept for [`Surface::commit`].
    _object: Arc<ColourSurface>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    metadata: Metadata,
    /// What commits say.
    shown: Option<Arc<ImageDescription>>,
    /// What they are to say.
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
    /// Asks for the colours of a swapchain in this space, and waits for them. `None` for a space of which
    /// the compositor is told nothing: then the surface has no object of ours any more.
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

    /// Says more of the colours, and waits until the compositor has taken it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn set_metadata(&self, surface: &Surface, metadata: &Metadata) -> Result<()> {
        let mut state = lock(&self.state);
        // Not `==`: what is NaN is so still.
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

    /// What the commit that follows says. Never waits.
    pub(super) fn current(&self, surface: &Surface) -> Option<Arc<ImageDescription>> {
        let mut state = lock(&self.state);
        self.advance(surface, &mut state);
        state.shown.clone()
    }

    /// Waits so long at the most until nothing is asked any more.
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
                // What it has taken once goes on.
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
