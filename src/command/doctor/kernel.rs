//! What the kernel can do, found by doing it: a version says nothing about backports and
//! configurations.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

use drm::Device;
use drm::buffer::{Buffer, DrmFourcc};
use drm::control::Device as ControlDevice;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};
use serde::Serialize;
use wayfence::dma_buf::{Access, DmaBuf};
use wayfence::syncobj;

use super::looked::Looked;

/// The findings.
#[derive(Serialize)]
pub struct Kernel {
    /// Its name and release, for people.
    pub release: String,
    /// The origin of the dma-buf for the tries.
    pub dma_buf: Looked<String>,
    /// `DMA_BUF_IOCTL_EXPORT_SYNC_FILE`; an error if it fails, `None` without a dma-buf.
    pub export_sync_file: Option<Looked<()>>,
    /// `DMA_BUF_IOCTL_IMPORT_SYNC_FILE`, as above.
    pub import_sync_file: Option<Looked<()>>,
    /// The DRM devices.
    pub drm: Vec<DrmNode>,
}

/// A DRM device node.
#[derive(Serialize)]
pub struct DrmNode {
    /// The node.
    pub path: PathBuf,
    /// The driver's name, or why it is unknown.
    pub driver: Looked<String>,
    /// Whether the layer can make its timelines there.
    pub timeline_syncobj: bool,
}

impl Kernel {
    /// Tries everything.
    pub fn look() -> Self {
        let uname = rustix::system::uname();
        let release = format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy()
        );
        let (dma_buf, export_sync_file, import_sync_file) = match any_dma_buf() {
            Ok((source, dma_buf)) => {
                let exported = dma_buf.export_sync_file(Access::Read);
                let imported = match &exported {
                    Ok(fences) => Some(dma_buf.import_sync_file(fences, Access::Read).into()),
                    Err(_) => None,
                };
                (
                    Looked::Found(source),
                    Some(exported.map(drop).into()),
                    imported,
                )
            }
            Err(why) => (Looked::Failed { error: why }, None, None),
        };
        Self {
            release,
            dma_buf,
            export_sync_file,
            import_sync_file,
            drm: drm_nodes(),
        }
    }

    /// Whether the kernel exports sync_files from dma-bufs and imports them; `None` without a dma-buf to try.
    pub fn has_sync_files(&self) -> Option<bool> {
        match (&self.export_sync_file, &self.import_sync_file) {
            (Some(Looked::Found(())), Some(Looked::Found(()))) => Some(true),
            (None, _) => None,
            _ => Some(false),
        }
    }
}

/// A dma-buf from the first source that has one, with its origin.
fn any_dma_buf() -> Result<(String, DmaBuf), String> {
    let mut refusals = Vec::new();
    match udmabuf() {
        Ok(dma_buf) => return Ok(("/dev/udmabuf".to_owned(), dma_buf)),
        Err(error) => refusals.push(format!("/dev/udmabuf: {error}")),
    }
    for path in nodes("card") {
        match dumb_buffer(&path) {
            Ok(dma_buf) => return Ok((path.display().to_string(), dma_buf)),
            Err(error) => refusals.push(format!("{}: {error}", path.display())),
        }
    }
    Err(refusals.join("; "))
}

/// Plain memory (`include/uapi/linux/udmabuf.h`).
fn udmabuf() -> io::Result<DmaBuf> {
    let device = File::options()
        .read(true)
        .write(true)
        .open("/dev/udmabuf")?;
    // A multiple of the page size on every architecture.
    let size = 1 << 16;
    let memory = memfd_create("wayfence", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&memory, size)?;
    // "The memfd must have F_SEAL_SHRINK set" (drivers/dma-buf/udmabuf.c).
    fcntl_add_seals(&memory, SealFlags::SHRINK)?;
    let create = UdmabufCreate {
        memfd: memory.as_raw_fd() as u32,
        flags: UDMABUF_FLAGS_CLOEXEC,
        offset: 0,
        size,
    };
    // SAFETY: see the implementation of `Ioctl`; other devices answer ENOTTY.
    let dma_buf = unsafe { ioctl(&device, create) }?;
    Ok(dma_buf.into())
}

const UDMABUF_CREATE: Opcode = opcode::write::<UdmabufCreate>(b'u', 0x42);
const UDMABUF_FLAGS_CLOEXEC: u32 = 1;

/// `struct udmabuf_create`.
#[repr(C)]
struct UdmabufCreate {
    memfd: u32,
    flags: u32,
    offset: u64,
    size: u64,
}

// SAFETY: UDMABUF_CREATE reads one `struct udmabuf_create`, which this is, and returns a descriptor.
unsafe impl Ioctl for UdmabufCreate {
    type Output = OwnedFd;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        UDMABUF_CREATE
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        std::ptr::from_mut(self).cast()
    }

    unsafe fn output_from_ptr(
        output: IoctlOutput,
        _: *mut std::ffi::c_void,
    ) -> rustix::io::Result<OwnedFd> {
        // SAFETY: a successful UDMABUF_CREATE returns a descriptor that nobody else knows.
        Ok(unsafe { OwnedFd::from_raw_fd(output) })
    }
}

/// A display's buffer, which needs a primary node.
fn dumb_buffer(path: &PathBuf) -> io::Result<DmaBuf> {
    let node = Node::open(path)?;
    let buffer = node.create_dumb_buffer((64, 64), DrmFourcc::Xrgb8888, 32)?;
    let dma_buf = node.buffer_to_prime_fd(buffer.handle(), drm::CLOEXEC);
    // The dma-buf keeps the memory.
    node.destroy_dumb_buffer(buffer)?;
    Ok(dma_buf?.into())
}

fn drm_nodes() -> Vec<DrmNode> {
    let mut paths = nodes("card");
    paths.extend(nodes("renderD"));
    paths
        .into_iter()
        .map(|path| match Node::open(&path) {
            Ok(node) => DrmNode {
                driver: node
                    .get_driver()
                    .map(|driver| driver.name().to_string_lossy().into_owned())
                    .into(),
                timeline_syncobj: syncobj::Node::at(&path).is_ok(),
                path,
            },
            Err(error) => DrmNode {
                driver: Looked::Failed {
                    error: error.to_string(),
                },
                timeline_syncobj: false,
                path,
            },
        })
        .collect()
}

/// The nodes in `/dev/dri` whose names begin so, in order.
fn nodes(prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/dev/dri") else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with(prefix))
        })
        .collect();
    paths.sort();
    paths
}

struct Node(File);

impl Node {
    fn open(path: &PathBuf) -> io::Result<Self> {
        let node = Self(File::options().read(true).write(true).open(path)?);
        // A process that opens a primary node without a master becomes its master.
        let _ = node.release_master_lock();
        Ok(node)
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Device for Node {}
impl ControlDevice for Node {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ioctl_and_its_structure_are_those_of_the_kernel() {
        // As the C compiler computes it from linux/udmabuf.h.
        assert_eq!(UDMABUF_CREATE, 0x4018_7542);
        assert_eq!(size_of::<UdmabufCreate>(), 24);
    }
}
