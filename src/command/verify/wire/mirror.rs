//! A timeline of the window's, and the one that the compositor has in its place.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use wayfence::error::Result;
use wayfence::sync_file::SyncFile;
use wayfence::syncobj::{Node, Timeline};

use super::seen::Seen;

/// For how long a compositor may keep an image: longer than any question lasts.
const LIMIT: Duration = Duration::from_secs(20);

/// The window's timeline, and where it is mirrored the compositor's.
pub struct Mirror {
    window: Timeline,
    compositor: Option<Timeline>,
}

impl Mirror {
    /// Of the window's descriptor, and one for the compositor if it is to have another.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(node: &Node, fd: impl AsFd, mirrors: bool) -> Result<(Arc<Self>, Option<OwnedFd>)> {
        let window = Timeline::from_fd(node, fd)?;
        let compositor = mirrors.then(|| Timeline::new(node)).transpose()?;
        let other = compositor.as_ref().map(Timeline::to_fd).transpose()?;
        Ok((Arc::new(Self { window, compositor }), other))
    }

    /// What the compositor has to wait for at this point, which it can see from now on.
    ///
    /// # Errors
    /// The kernel's: also if there is no fence yet.
    pub fn acquire(&self, point: u64) -> Result<SyncFile> {
        let fence = self.window.export_sync_file(point)?;
        if let Some(compositor) = &self.compositor {
            compositor.import_sync_file(point, &fence)?;
        }
        Ok(fence)
    }

    /// Gives the window the compositor's release at this point, when it has come, and the fence of a
    /// reader with it.
    pub fn pass_release(self: &Arc<Self>, point: u64, number: u32, seen: Arc<Seen>) {
        let this = Arc::clone(self);
        thread::spawn(move || {
            if let Err(error) = this.wait_and_pass(point, number, &seen) {
                seen.broke(format!("the release at a point: {error}"));
            }
        });
    }

    fn wait_and_pass(&self, point: u64, number: u32, seen: &Seen) -> Result<()> {
        let of = self.compositor.as_ref().unwrap_or(&self.window);
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| wayfence::error::Error::Unsupported(format!("eventfd: {errno}")))?;
        of.ring_when_available(point, bell.as_fd())?;
        let mut fds = [PollFd::new(&bell, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: LIMIT.as_secs() as i64,
            tv_nsec: 0,
        };
        // Without a release there is nothing to pass on.
        if !matches!(poll(&mut fds, Some(&limit)), Ok(1)) {
            return Ok(());
        }
        if self.compositor.is_some() {
            let mut fences = of.export_sync_file(point)?;
            if let Some(reader) = seen.take_reader(number) {
                fences = fences.merge(&reader, "wayfence-verify")?;
            }
            self.window.import_sync_file(point, &fences)?;
        }
        seen.released(number);
        Ok(())
    }
}
