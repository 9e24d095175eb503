//! The release of a commit's buffer.

use std::os::fd::AsFd;

use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::error::{Error, Result};
use wayfence::sync_file::SyncFile;

use crate::buffer::Buffer;
use crate::frame::{Frame, ReleaseBy};
use crate::state::State;

/// The fences that a buffer comes back with: of readers, and of writers (such as a display engine that
/// decompresses in place).
///
/// Where the client gets one fence, both are merged; on a dma-buf each has its own kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct With<'a> {
    readers: &'a [&'a SyncFile],
    writers: &'a [&'a SyncFile],
}

impl<'a> With<'a> {
    /// No fence: the compositor is done.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Somebody still reads.
    pub fn readers(fences: &'a [&'a SyncFile]) -> Self {
        Self::nothing().and_readers(fences)
    }

    /// Somebody still writes.
    pub fn writers(fences: &'a [&'a SyncFile]) -> Self {
        Self::nothing().and_writers(fences)
    }

    /// The same, and these readers (instead of those before).
    pub fn and_readers(self, readers: &'a [&'a SyncFile]) -> Self {
        Self { readers, ..self }
    }

    /// The same, and these writers (instead of those before).
    pub fn and_writers(self, writers: &'a [&'a SyncFile]) -> Self {
        Self { writers, ..self }
    }

    /// All of them in one.
    fn merged(self) -> Result<Option<SyncFile>> {
        let mut merged: Option<SyncFile> = None;
        for fence in self.readers.iter().chain(self.writers) {
            merged = Some(match merged {
                None => fence.try_clone()?,
                Some(before) => before.merge(fence, "wayfence-test-compositor")?,
            });
        }
        Ok(merged)
    }

    /// Puts them on the dma-buf.
    fn put_on(self, dma_buf: &DmaBuf) -> Result<()> {
        for fence in self.readers {
            dma_buf.import_sync_file(fence, Access::Read)?;
        }
        for fence in self.writers {
            dma_buf.import_sync_file(fence, Access::Write)?;
        }
        Ok(())
    }
}

impl State {
    /// Gives the buffer of a commit back to the client.
    ///
    /// Nothing is sent if a fence cannot be passed on.
    pub fn release(&mut self, serial: u64, with: With<'_>) -> Result<()> {
        let release_event_with_syncobj = self.offer.release_event_with_syncobj;
        let frame = self.frames.get_mut(&serial).filter(|frame| !frame.released);
        let Some((frame, (buffer, wl_buffer))) =
            frame.and_then(|frame| frame.buffer.clone().map(|buffer| (frame, buffer)))
        else {
            return Err(Error::Protocol(format!(
                "commit {serial} holds no buffer, or not any more"
            )));
        };
        // The fences go first, so that they are there at the release.
        match &frame.release {
            ReleaseBy::Implicit => {
                if let Some(image) = buffer.image() {
                    with.put_on(&image.planes[0].dma_buf)?;
                }
                wl_buffer.release();
            }
            ReleaseBy::Explicit(release) => {
                match with.merged()? {
                    Some(fence) => release.fenced_release(fence.as_fd()),
                    None => release.immediate_release(),
                }
                // "This event does not replace wl_buffer.release events; servers are still required to
                // send those events."
                wl_buffer.release();
            }
            ReleaseBy::Syncobj(point) => {
                point.release(with.merged()?.as_ref())?;
                if release_event_with_syncobj {
                    wl_buffer.release();
                }
            }
        }
        frame.released = true;
        self.forget_settled(serial);
        Ok(())
    }

    /// Whether the compositor holds the buffer, from any commit.
    pub fn holds(&self, buffer: &Buffer) -> bool {
        self.frames.values().any(|frame| {
            !frame.released
                && frame
                    .buffer
                    .as_ref()
                    .is_some_and(|(held, _)| held.id == buffer.id)
        })
    }

    /// Drops the record of a commit for which nothing is owed.
    pub fn forget_settled(&mut self, serial: u64) {
        if self.frames.get(&serial).is_some_and(Frame::is_settled) {
            self.frames.remove(&serial);
        }
    }
}
