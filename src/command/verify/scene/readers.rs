//! Fences that stand for somebody who reads an image, a compositor's GPU or a display.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ash::vk;
use wayfence::sync_file::SyncFile;

use super::device::{Device, Exported};
use super::fault::Fault;
use super::sw_sync;
use super::vgem::Vgem;
use super::work::Work;

/// Where they come from.
#[derive(Clone)]
pub enum Readers {
    /// vgem: they signal when we say so.
    Vgem(Vgem),
    /// sw_sync: so do they.
    SwSync,
    /// Work of another device of the same GPU.
    Work(Arc<Device>, Arc<Work>),
    /// From nowhere, for this reason.
    None(String),
}

/// Somebody who reads until a time is over, or until this is dropped where nothing keeps a GPU busy.
pub struct Reader {
    sync_file: SyncFile,
    /// What signals on drop, of those who keep no GPU busy.
    fence: Ends,
}

type Ends = Arc<Mutex<Option<Box<dyn Send>>>>;

/// For how long one reads who keeps no GPU busy, unless it is ended: longer than anything takes that need not
/// wait, and less than the kernel allows.
const PATIENT: Duration = Duration::from_secs(2);

/// For how long one reads who keeps a GPU busy: what waits for the GPU is to be told from what waits for the
/// image.
const BUSY: Duration = Duration::from_millis(400);

impl Readers {
    /// The best that there are: those of `work` if there is nothing that need not occupy the GPU.
    pub fn find(work: impl FnOnce() -> Result<(Arc<Device>, Work), String>) -> Self {
        if let Some(vgem) = Vgem::find().filter(|vgem| vgem.fence().is_some()) {
            return Self::Vgem(vgem);
        }
        if sw_sync::fence().is_some() {
            return Self::SwSync;
        }
        match work() {
            Ok((device, work)) => Self::Work(device, Arc::new(work)),
            Err(why) => Self::None(why),
        }
    }

    /// Whether they keep the GPU busy.
    pub fn occupy(&self) -> bool {
        matches!(self, Self::Work(..))
    }

    /// One who reads.
    ///
    /// # Errors
    /// Why there is none.
    pub fn begin(&self) -> Result<Reader, Fault> {
        let refused = || Fault(format!("{self} gave no fence"));
        match self {
            Self::Vgem(vgem) => {
                let (fence, sync_file) = vgem.fence().ok_or_else(refused)?;
                Ok(Reader::ended_by(fence, sync_file))
            }
            Self::SwSync => {
                let (fence, sync_file) = sw_sync::fence().ok_or_else(refused)?;
                Ok(Reader::ended_by(fence, sync_file))
            }
            Self::Work(device, work) => {
                let semaphore = device.semaphore(true)?;
                device.submit(&[], &work.lasting(BUSY), &[semaphore], vk::Fence::null())?;
                match device.export(semaphore)? {
                    Exported::Fence(sync_file) => Ok(Reader {
                        sync_file,
                        fence: Ends::default(),
                    }),
                    Exported::Over => Err(refused()),
                }
            }
            Self::None(why) => Err(Fault(why.clone())),
        }
    }
}

impl Reader {
    fn ended_by(fence: impl Send + 'static, sync_file: SyncFile) -> Self {
        let fence: Ends = Arc::new(Mutex::new(Some(Box::new(fence))));
        let ends = Arc::clone(&fence);
        // A CPU that waits for it would wait without end.
        thread::spawn(move || {
            thread::sleep(PATIENT);
            end(&ends);
        });
        Self { sync_file, fence }
    }

    /// The fence, for others.
    ///
    /// # Errors
    /// The kernel's.
    pub fn share(&self) -> Result<SyncFile, Fault> {
        Ok(self.sync_file.try_clone()?)
    }

    /// Whether it still reads.
    ///
    /// # Errors
    /// The kernel's.
    pub fn is_reading(&self) -> Result<bool, Fault> {
        Ok(!self.sync_file.is_signalled()?)
    }

    /// Ends it, or waits until it has done. Whether it has, in this time.
    ///
    /// # Errors
    /// The kernel's.
    pub fn ends(&self, within: Duration) -> Result<bool, Fault> {
        end(&self.fence);
        Ok(self.sync_file.wait(Some(within))?)
    }
}

fn end(fence: &Ends) {
    fence.lock().unwrap_or_else(PoisonError::into_inner).take();
}

impl Drop for Reader {
    fn drop(&mut self) {
        end(&self.fence);
    }
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vgem(_) => "vgem",
            Self::SwSync => "sw_sync",
            Self::Work(..) => "work of the GPU",
            Self::None(_) => "nowhere",
        })
    }
}
