//! How a released image is waited for, and how a rendered one is handed over: one type, one
//! implementation for each way. The swapchain knows only this type.

use std::fmt;

use crate::{
    counters::Counters,
    deadline::Deadline,
    dma_buf::{Access, DmaBuf},
    error::{Error, Result},
    sync_file::SyncFile,
};

/// What the user asked for with `WAYFENCE_SYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The best that kernel and compositor offer.
    #[default]
    Auto,
    /// The dma-buf's own fences, as sync_files.
    Implicit,
    /// The dma-buf's own fences, waited for on the CPU.
    Cpu,
}

impl std::str::FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" | "" => Ok(Choice::Auto),
            "implicit" => Ok(Choice::Implicit),
            "cpu" => Ok(Choice::Cpu),
            _ => Err(Error::Setting {
                name: "WAYFENCE_SYNC",
                value: text.to_owned(),
                expected: "auto, implicit or cpu",
            }),
        }
    }
}

/// The way in which one swapchain is synchronised with the compositor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronisation {
    /// Fences go in and out of the dma-buf as sync_files (Linux 6.0,
    /// `DMA_BUF_IOCTL_EXPORT_SYNC_FILE` and `DMA_BUF_IOCTL_IMPORT_SYNC_FILE`).
    Implicit,
    /// The kernel has no such ioctls: the dma-buf is polled, and a frame is committed when its
    /// rendering is done.
    Cpu,
}

impl fmt::Display for Synchronisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Synchronisation::Implicit => "implicit",
            Synchronisation::Cpu => "cpu",
        })
    }
}

/// What came back with a released image.
#[derive(Debug)]
pub enum Release {
    /// The fences that the dma-buf carried when the release was dispatched.
    Fences(SyncFile),
    /// The fences could not be taken as a sync_file: whoever wants the image waits for the dma-buf.
    Buffer,
}

/// What an acquired image is waited for with.
#[derive(Debug)]
pub enum Wait {
    /// Nothing: everybody is done with the image.
    Signalled,
    /// This sync_file, not signalled when it was looked at.
    Pending(SyncFile),
}

impl Wait {
    /// The same wait once more, with a descriptor of its own.
    ///
    /// # Errors
    /// `EMFILE` and `ENFILE`.
    pub fn try_clone(&self) -> Result<Self> {
        match self {
            Wait::Signalled => Ok(Wait::Signalled),
            Wait::Pending(fences) => fences.try_clone().map(Wait::Pending),
        }
    }
}

impl Synchronisation {
    /// The way for buffers like this one. Tries the kernel's ioctls, never its version.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if `choice` names a way that cannot be had here.
    pub fn choose(choice: Choice, buffer: &DmaBuf) -> Result<Self> {
        match choice {
            Choice::Cpu => Ok(Synchronisation::Cpu),
            Choice::Auto if buffer.sync_file_support()? => Ok(Synchronisation::Implicit),
            Choice::Auto => Ok(Synchronisation::Cpu),
            Choice::Implicit if buffer.sync_file_support()? => Ok(Synchronisation::Implicit),
            Choice::Implicit => Err(Error::Unsupported(
                "WAYFENCE_SYNC=implicit: the kernel cannot export a dma-buf's fences as a sync_file"
                    .to_owned(),
            )),
        }
    }

    /// Takes the image's fences. To be called where the release event is dispatched, and only there: a
    /// later snapshot could hold what the driver has written since.
    ///
    /// Never fails: an image whose fences cannot be taken (`EMFILE`, say) comes back all the same, to
    /// be waited for on the CPU.
    pub fn released(self, buffer: &DmaBuf, counters: &Counters) -> Release {
        match self {
            // The application will write: it waits for readers and writers.
            Synchronisation::Implicit => match buffer.export_sync_file(Access::Write) {
                Ok(fences) => {
                    counters.sync_file_exported();
                    Release::Fences(fences)
                }
                Err(error) => {
                    tracing::warn!(%error, "no fences from a released image: waiting on the CPU");
                    Release::Buffer
                }
            },
            Synchronisation::Cpu => Release::Buffer,
        }
    }

    /// Turns what came back with the image into what the application waits for.
    ///
    /// `None`: the deadline passed; `release` keeps its worth.
    pub fn acquired(
        self,
        buffer: &DmaBuf,
        release: &mut Option<Release>,
        deadline: Deadline,
        counters: &Counters,
    ) -> Result<Option<Wait>> {
        match release.take() {
            None => Ok(Some(Wait::Signalled)),
            Some(Release::Fences(fences)) => match fences.is_signalled() {
                Ok(true) => Ok(Some(Wait::Signalled)),
                Ok(false) => Ok(Some(Wait::Pending(fences))),
                Err(error) => {
                    *release = Some(Release::Fences(fences));
                    Err(error)
                }
            },
            Some(Release::Buffer) => match wait_for(buffer, deadline, counters) {
                Ok(true) => Ok(Some(Wait::Signalled)),
                unfinished => {
                    *release = Some(Release::Buffer);
                    unfinished.map(|_| None)
                }
            },
        }
    }

    /// Makes the compositor wait for `rendering`. To be called before the commit that shows the image.
    pub fn before_commit(
        self,
        buffer: &DmaBuf,
        rendering: &SyncFile,
        counters: &Counters,
    ) -> Result<()> {
        match self {
            Synchronisation::Implicit => {
                match buffer.import_sync_file(rendering, Access::Write) {
                    Ok(()) => {
                        counters.sync_file_imported();
                        return Ok(());
                    }
                    Err(error) => tracing::warn!(
                        %error,
                        "the rendering's fence cannot be put on the image: waiting on the CPU"
                    ),
                }
                counters.cpu_wait();
                rendering.wait(None)?;
            }
            Synchronisation::Cpu => {
                counters.cpu_wait();
                rendering.wait(None)?;
            }
        }
        Ok(())
    }
}

/// Waits on the CPU until nobody uses the buffer; counted, if it takes a wait. Answers whether that came
/// before the deadline.
fn wait_for(buffer: &DmaBuf, deadline: Deadline, counters: &Counters) -> Result<bool> {
    if buffer.is_idle(Access::Write)? {
        return Ok(true);
    }
    if deadline.is_over() {
        return Ok(false);
    }
    counters.cpu_wait();
    buffer.wait_idle(Access::Write, deadline.remaining())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_takes_the_ways_by_name_and_nothing_else() {
        assert_eq!("auto".parse::<Choice>().unwrap(), Choice::Auto);
        assert_eq!("implicit".parse::<Choice>().unwrap(), Choice::Implicit);
        assert_eq!("cpu".parse::<Choice>().unwrap(), Choice::Cpu);
        let error = "fences".parse::<Choice>().unwrap_err().to_string();
        assert!(
            error.contains("WAYFENCE_SYNC") && error.contains("fences"),
            "{error}"
        );
    }
}
