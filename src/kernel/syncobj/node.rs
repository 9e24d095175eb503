//! DRM nodes that make timelines.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use drm::node::{DrmNode, NodeType};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

use super::calls::{File, Handle};
use crate::error::{Error, Result};

/// An open DRM node with timeline syncobjs, and eventfds that are signalled when a point is available. A clone
/// is the same open file. Thread-safe.
#[derive(Debug, Clone)]
pub struct Node {
    pub(super) file: Arc<File>,
    /// sync_files leave a point in one call (Linux 6.16); else they pass through a binary syncobj.
    pub(super) directly: bool,
}

impl Node {
    /// Opens the device with this number, which may be that of any of its nodes. Opens its render node, which
    /// needs no rights over displays, or without one the node with this number.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is no DRM device or lacks what is needed, [`Error::File`] if it
    /// cannot be opened.
    pub fn open(device: libc::dev_t) -> Result<Self> {
        let node = DrmNode::from_dev_id(device).map_err(|error| {
            Error::Unsupported(format!(
                "DRM device {}:{}: {error}",
                libc::major(device),
                libc::minor(device)
            ))
        })?;
        let path = node
            .dev_path_with_type(NodeType::Render)
            .or_else(|| node.dev_path())
            .ok_or_else(|| Error::Unsupported(format!("the DRM device {node} has no node")))?;
        Self::at(&path)
    }

    /// Opens the first device of this machine that has what is needed, render nodes before others.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is none; the text says what each lacks.
    pub fn any() -> Result<Self> {
        let mut paths: Vec<PathBuf> = nodes()
            .into_iter()
            .flatten()
            .filter(|path| kind(path).is_some())
            .collect();
        paths.sort_by_key(|path| (kind(path), path.clone()));
        let mut reasons = Vec::new();
        for path in &paths {
            match Self::at(path) {
                Ok(node) => return Ok(node),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(Error::Unsupported(match reasons.is_empty() {
            true => "timeline syncobjs: there is no DRM node in /dev/dri".to_owned(),
            false => reasons.join("; "),
        }))
    }

    /// Opens this node.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn at(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let node = openat(CWD, path, flags, Mode::empty()).map_err(|source| Error::File {
            path: path.to_owned(),
            source: source.into(),
        })?;
        let file = File::from(node);
        // Who opens a primary node without a master becomes its master, and keeps a compositor that starts
        // later from the display.
        file.leave_master();
        let directly = check(&file).map_err(|error| {
            Error::Unsupported(format!("timeline syncobjs of {}: {error}", path.display()))
        })?;
        Ok(Self {
            file: Arc::new(file),
            directly,
        })
    }
}

/// Tries what a frame needs: the kernel's version does not say whether it is there. Answers whether sync_files
/// leave points in one call.
fn check(file: &File) -> Result<bool> {
    if !file.has_timelines()? {
        return Err(Error::Unsupported("the driver has none".to_owned()));
    }
    let bell = eventfd(0, EventfdFlags::CLOEXEC).map_err(Error::kernel("eventfd"))?;
    let timeline = file.create()?;
    let tried = try_points(file, timeline, bell.as_fd());
    file.destroy(timeline);
    tried
}

fn try_points(file: &File, timeline: Handle, bell: BorrowedFd<'_>) -> Result<bool> {
    file.ring(timeline, 1, bell)?;
    file.signal(timeline, 1)?;
    // An older kernel knows no such flag.
    Ok(file.export_point(timeline, 1).is_ok())
}

/// What is in `/dev/dri`. By system calls, as everything in this folder: a driver shim in the process may hide
/// real devices from the C library.
fn nodes() -> Option<impl Iterator<Item = PathBuf>> {
    let folder = Path::new("/dev/dri");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let names = Dir::new(openat(CWD, folder, flags, Mode::empty()).ok()?).ok()?;
    Some(names.filter_map(move |entry| {
        let name = entry.ok()?.file_name().to_bytes().to_owned();
        Some(folder.join(OsStr::from_bytes(&name)))
    }))
}

/// Render nodes first, then primary nodes; anything else is no node.
fn kind(path: &Path) -> Option<u8> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with("renderD") {
        Some(0)
    } else {
        name.starts_with("card").then_some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn render_nodes_come_first_and_other_files_are_no_nodes() {
        assert_eq!(kind(Path::new("/dev/dri/renderD128")), Some(0));
        assert_eq!(kind(Path::new("/dev/dri/card1")), Some(1));
        assert_eq!(kind(Path::new("/dev/dri/by-path")), None);
    }

    #[test]
    fn what_is_no_drm_device_is_refused_with_its_number() {
        // /dev/null.
        let error = Node::open(libc::makedev(1, 3)).unwrap_err().to_string();
        assert!(error.contains("1:3"), "{error}");
    }
}
