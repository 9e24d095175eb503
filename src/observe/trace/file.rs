//! The file of a trace: a JSON array that is whole after every write.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::fcntl_dupfd_cloexec;

/// Ends the array; the next write overwrites it.
const END: &[u8] = b"\n]\n";

/// The file, locked against other writers for as long as it is open.
pub(super) struct TraceFile {
    file: File,
    /// The offset behind the last event.
    end: u64,
    empty: bool,
    buffer: Vec<u8>,
}

/// `%p` in a file's name is the process's number.
pub(super) fn expanded(path: &Path, pid: u32) -> PathBuf {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) if name.contains("%p") => {
            path.with_file_name(name.replace("%p", &pid.to_string()))
        }
        _ => path.to_owned(),
    }
}

impl TraceFile {
    /// Makes the file, in place of one that is there.
    ///
    /// # Errors
    /// The system's; and if it is not a regular file, or another process writes its trace there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // So that a pipe without a reader is refused below instead of waited for.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        // Not 0 to 2: a program that closed its standard streams must not write into the trace.
        let file = File::from(fcntl_dupfd_cloexec(&file, 3)?);
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|errno| {
            if errno == rustix::io::Errno::WOULDBLOCK {
                return io::Error::other(
                    "another process writes its trace there; %p in the name makes one for each",
                );
            }
            errno.into()
        })?;
        file.set_len(0)?;
        file.write_all_at(b"[\n]\n", 0)?;
        Ok(TraceFile {
            file,
            end: 1,
            empty: true,
            buffer: Vec::new(),
        })
    }

    /// Appends events, separated by `",\n"`.
    ///
    /// # Errors
    /// The system's. Then the file is as it was before, as far as the system allows.
    pub(super) fn append(&mut self, events: &[u8]) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let separator: &[u8] = if self.empty { b"\n" } else { b",\n" };
        self.buffer.clear();
        for part in [separator, events, END] {
            self.buffer.extend_from_slice(part);
        }
        if let Err(error) = self.file.write_all_at(&self.buffer, self.end) {
            // What was there before needs no new room.
            let _ = self.file.write_all_at(END, self.end);
            let _ = self.file.set_len(self.end + END.len() as u64);
            return Err(error);
        }
        self.end += (separator.len() + events.len()) as u64;
        self.empty = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::trace::scratch::Scratch;

    fn parsed(path: &Path) -> Vec<u32> {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn the_file_is_whole_after_every_write() {
        let scratch = Scratch::new();
        std::fs::write(&scratch.0, "what was there before, and longer than that").unwrap();
        let mut file = TraceFile::create(&scratch.0).unwrap();
        assert_eq!(parsed(&scratch.0), [0u32; 0]);
        file.append(b"").unwrap();
        assert_eq!(parsed(&scratch.0), [0u32; 0]);
        file.append(b"1,\n2").unwrap();
        assert_eq!(parsed(&scratch.0), [1, 2]);
        file.append(b"3").unwrap();
        assert_eq!(parsed(&scratch.0), [1, 2, 3]);
    }

    #[test]
    fn a_file_has_one_writer() {
        let scratch = Scratch::new();
        let mut first = TraceFile::create(&scratch.0).unwrap();
        first.append(b"1").unwrap();
        let error = TraceFile::create(&scratch.0).err().unwrap().to_string();
        assert!(error.contains("another process"), "{error}");
        assert_eq!(parsed(&scratch.0), [1], "the second changed it");
        drop(first);
        TraceFile::create(&scratch.0).unwrap();
    }

    #[test]
    fn only_a_regular_file_will_do() {
        for place in ["/dev/null", "/nowhere/trace.json", "/"] {
            assert!(TraceFile::create(Path::new(place)).is_err(), "{place}");
        }
    }

    #[test]
    fn each_process_can_have_a_file_of_its_own() {
        let name = |text| expanded(Path::new(text), 42).display().to_string();
        assert_eq!(name("/a%p/trace.%p.json"), "/a%p/trace.42.json");
        assert_eq!(name("trace.json"), "trace.json");
    }
}
