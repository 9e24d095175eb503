//! What the files of living swapchains say.

use std::{
    env, io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};
use serde::Serialize;

use super::{
    layout::{self, Text},
    process::Identity,
    seal,
};
use crate::observe::{counters::Counters, report::SwapchainReport};

/// Appended to the file's name when its process is found to have ended.
const ENDED: &str = ".ended";

/// How long such a file is kept for readers.
const KEPT: Duration = Duration::from_secs(3600);

/// A process with a file: a living one, or one that left it at its end.
#[derive(Clone, Debug, Serialize)]
pub struct Process {
    /// Which it is.
    pub identity: Identity,
    /// Whether it lives.
    pub state: State,
    /// The swapchains that it has, or had when it ended.
    pub swapchains: Vec<Swapchain>,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It lives.
    Living,
    /// It has ended without removing its file: it was killed, or it crashed.
    Ended,
    /// It is in another namespace of processes, a container's say.
    Elsewhere,
}

/// A swapchain in such a file.
#[derive(Clone, Debug, Serialize)]
pub struct Swapchain {
    /// Its number, which no other swapchain of the process has.
    pub number: u64,
    /// Where its report goes, if it goes anywhere.
    pub report_file: Option<PathBuf>,
    /// The swapchain as it was made, with its counters as they are now.
    #[serde(flatten)]
    pub report: SwapchainReport,
}

/// The folder with the files of this user's processes. It need not exist.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] without `XDG_RUNTIME_DIR`.
pub fn folder() -> io::Result<PathBuf> {
    env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .map(|path| path.join("wayfence"))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "XDG_RUNTIME_DIR does not name a folder",
            )
        })
}

/// What all files in the folder say, in the order of their processes' numbers. Files of other versions are left
/// out.
///
/// # Errors
/// The folder exists and cannot be read, or users other than its owner may write to it.
pub fn read(folder: &Path) -> io::Result<Vec<Process>> {
    let dir = match open_folder(folder, false) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    sweep(&dir)?;
    let mut processes: Vec<Process> = files(&dir)?
        .into_iter()
        .filter_map(|file| file.read(&dir))
        .collect();
    processes.sort_by_key(|process| process.identity.pid);
    Ok(processes)
}

/// The same, and tells the processes that they are watched: from now on they read the clock in each acquire and
/// present, which they otherwise do not.
///
/// # Errors
/// As of [`read`].
pub fn watch(folder: &Path) -> io::Result<Vec<Process>> {
    if let Ok(dir) = open_folder(folder, false) {
        for name in files(&dir)? {
            name.watch(&dir);
        }
    }
    read(folder)
}

/// The reports that are to be appended to this file one day: those of living swapchains, and those that a process did
/// not get to before it was killed.
///
/// # Errors
/// As of [`read`].
pub fn unwritten(folder: &Path, report_file: &Path) -> io::Result<Vec<SwapchainReport>> {
    let report_file = std::path::absolute(report_file)?;
    let swapchains = read(folder)?
        .into_iter()
        .flat_map(|process| process.swapchains);
    Ok(swapchains
        .filter(|swapchain| swapchain.report_file.as_ref() == Some(&report_file))
        .map(|swapchain| swapchain.report)
        .collect())
}

/// Opens the folder, which is made if need be where that is asked for. Nobody but this user can have made it, nor can
/// change what is in it.
pub(super) fn open_folder(folder: &Path, make: bool) -> io::Result<OwnedFd> {
    let above = folder.parent().ok_or(Errno::INVAL)?;
    let name = folder.file_name().ok_or(Errno::INVAL)?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = rustix::fs::open(above, flags, Mode::empty())?;
    // "It MUST be owned by the user, and he MUST be the only one having read and write access to it" (XDG Base
    // Directory Specification). So it is not where root runs with another user's variables.
    only_ours(&rustix::fs::fstat(&above)?, "XDG_RUNTIME_DIR")?;
    if make {
        match rustix::fs::mkdirat(&above, name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            result => result?,
        }
    }
    let dir = rustix::fs::openat(&above, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
    only_ours(&rustix::fs::fstat(&dir)?, "its folder wayfence")?;
    Ok(dir)
}

fn only_ours(stat: &Stat, what: &str) -> io::Result<()> {
    let others = Mode::from_raw_mode(stat.st_mode) & (Mode::WGRP | Mode::WOTH);
    if stat.st_uid == rustix::process::geteuid().as_raw() && others.is_empty() {
        return Ok(());
    }
    let text = format!("{what} belongs to another user, or others may write to it");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// The name of a file.
struct Name {
    process: Identity,
    ended: bool,
}

impl Name {
    fn parse(name: &str) -> Option<Self> {
        let (process, ended) = match name.strip_suffix(ENDED) {
            Some(process) => (process, true),
            None => (name, false),
        };
        Some(Self {
            process: process.parse().ok()?,
            ended,
        })
    }

    fn text(&self) -> String {
        match self.ended {
            true => format!("{}{ENDED}", self.process),
            false => self.process.to_string(),
        }
    }

    fn state(&self) -> State {
        match (self.ended, self.process.lives()) {
            (true, _) | (_, Some(false)) => State::Ended,
            (_, Some(true)) => State::Living,
            (_, None) => State::Elsewhere,
        }
    }

    /// Its file; `None` if it is none of ours.
    fn open(&self, dir: impl AsFd, access: OFlags) -> Option<OwnedFd> {
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(dir, self.text(), flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_size == layout::SIZE as i64
            && words(&file, 0)? == layout::MAGIC;
        is_ours.then_some(file)
    }

    fn watch(&self, dir: impl AsFd) {
        if !self.ended
            && let Some(file) = self.open(dir, OFlags::RDWR)
        {
            // Without it, there are no times.
            let _ = rustix::io::pwrite(&file, &1u64.to_ne_bytes(), layout::WATCHED as u64);
        }
    }

    fn read(&self, dir: impl AsFd) -> Option<Process> {
        let file = self.open(dir, OFlags::RDONLY)?;
        Some(Process {
            identity: self.process,
            state: self.state(),
            swapchains: (0..layout::SLOTS)
                .filter_map(|index| read_slot(&file, index))
                .collect(),
        })
    }
}

/// The swapchain in a slot, if one is to be seen.
fn read_slot(file: &OwnedFd, index: usize) -> Option<Swapchain> {
    let begin = layout::FIRST_SLOT + index * layout::SLOT;
    let state = || words(file, begin).map(|[number]| number);
    // Another swapchain's by the end?
    let (number, text, counters) = seal::read(state, |number| {
        if number < layout::FIRST_NUMBER {
            return None;
        }
        let [length] = words(file, begin + layout::LENGTH)?;
        let length = usize::try_from(length).ok()?;
        if length > layout::SLOT - layout::TEXT {
            return None;
        }
        let mut text = vec![0; length];
        read_at(file, &mut text, begin + layout::TEXT)?;
        Some((number, text, words(file, begin + layout::COUNTERS)?))
    })?;
    let text: Text = serde_json::from_slice(&text).ok()?;
    Some(Swapchain {
        number,
        report_file: text.report_file,
        report: SwapchainReport {
            counters: Counters::from_words(counters).snapshot(),
            ..text.swapchain
        },
    })
}

fn words<const N: usize>(file: &OwnedFd, offset: usize) -> Option<[u64; N]> {
    let mut bytes = [[0; 8]; N];
    read_at(file, bytes.as_flattened_mut(), offset)?;
    Some(bytes.map(u64::from_ne_bytes))
}

fn read_at(file: &OwnedFd, mut to: &mut [u8], offset: usize) -> Option<()> {
    let mut offset = offset as u64;
    while !to.is_empty() {
        match rustix::io::pread(file, &mut *to, offset) {
            Ok(0) => return None,
            Ok(read) => {
                offset += read as u64;
                to = &mut to[read..];
            }
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(())
}

fn files(dir: impl AsFd) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        names.extend(entry.file_name().to_str().ok().and_then(Name::parse));
    }
    Ok(names)
}

/// Marks the files of processes that have ended, and removes those that were marked an hour ago.
pub(super) fn sweep(dir: impl AsFd) -> io::Result<()> {
    let dir = dir.as_fd();
    for mut name in files(dir)? {
        let text = name.text();
        // Another process may sweep at the same time, and be quicker: that is no failure.
        if name.ended {
            let stat = rustix::fs::statat(dir, &text, AtFlags::SYMLINK_NOFOLLOW);
            if stat.is_ok_and(|stat| is_old(&stat)) {
                let _ = rustix::fs::unlinkat(dir, &text, AtFlags::empty());
            }
        } else if name.state() == State::Ended {
            name.ended = true;
            let _ = rustix::fs::renameat(dir, &text, dir, name.text());
        }
    }
    Ok(())
}

/// Renaming a file changes its ctime.
fn is_old(stat: &Stat) -> bool {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(stat.st_ctime.unsigned_abs());
    SystemTime::now()
        .duration_since(changed)
        .is_ok_and(|age| age > KEPT)
}
