//! The dma-bufs that the compositor accepts (`zwp_linux_dmabuf_v1`).

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::io::pread;

use crate::error::{Error, Result};

/// `DRM_FORMAT_MOD_INVALID`: the layout is implied by the driver. We always name ours.
const MODIFIER_INVALID: u64 = 0x00ff_ffff_ffff_ffff;

/// The bytes of a pair in the table.
const ENTRY: usize = 16;
/// As many bytes of the table as indices of 16 bits can point to, far above the few tens of kilobytes of
/// real ones.
const LARGEST_TABLE: usize = ENTRY << 16;

/// One memory plane of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane {
    /// Bytes from the start of the dma-buf.
    pub offset: u32,
    /// Bytes from row to row.
    pub stride: u32,
}

/// The pairs of DRM format and modifier that the compositor can import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats(BTreeMap<u32, Vec<u64>>);

impl Formats {
    /// The explicit modifiers of a DRM format, in the compositor's order; empty if it does not take the
    /// format.
    pub fn modifiers(&self, fourcc: u32) -> &[u64] {
        self.0.get(&fourcc).map_or(&[], Vec::as_slice)
    }

    /// Whether the compositor takes no dma-buf with an explicit modifier.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the pairs of another.
    pub(super) fn extend(&mut self, other: &Formats) {
        for (fourcc, modifiers) in &other.0 {
            for modifier in modifiers {
                self.insert(*fourcc, *modifier);
            }
        }
    }

    /// Adds a pair; an implicit modifier and a known pair change nothing.
    pub(super) fn insert(&mut self, fourcc: u32, modifier: u64) {
        if modifier == MODIFIER_INVALID {
            return;
        }
        let modifiers = self.0.entry(fourcc).or_default();
        if !modifiers.contains(&modifier) {
            modifiers.push(modifier);
        }
    }
}

/// The format table of a dma-buf feedback: pairs, to which the tranches point by index.
#[derive(Debug, Default)]
pub(super) struct FormatTable(Vec<(u32, u64)>);

impl FormatTable {
    /// Reads the table that `format_table` sent: entries of 16 bytes, a format, four bytes of padding, a
    /// modifier, in native order. The table has what could be read; an error says what could not.
    ///
    /// Read, not mapped: a file that is shorter than it says is an error then, not a `SIGBUS`.
    pub(super) fn read(fd: OwnedFd, size: u32) -> (Self, Option<Error>) {
        let size = size as usize;
        let mut bytes = Vec::new();
        let mut error = read_up_to(fd.as_fd(), size.min(LARGEST_TABLE), &mut bytes).err();
        if !size.is_multiple_of(ENTRY) || size > LARGEST_TABLE {
            error.get_or_insert(Error::Protocol(format!(
                "a dma-buf format table of {size} bytes"
            )));
        }
        let entries = bytes.chunks_exact(ENTRY).map(|entry| {
            let format = [entry[0], entry[1], entry[2], entry[3]];
            let mut modifier = [0; 8];
            modifier.copy_from_slice(&entry[8..16]);
            (u32::from_ne_bytes(format), u64::from_ne_bytes(modifier))
        });
        (FormatTable(entries.collect()), error)
    }

    /// Adds the pair at each index of a tranche (16-bit, native order) to `formats`. Answers how many
    /// there were: an index beyond the table names none.
    pub(super) fn tranche(&self, indices: &[u8], formats: &mut Formats) -> usize {
        let pairs = indices.chunks_exact(2).filter_map(|index| {
            self.0
                .get(usize::from(u16::from_ne_bytes([index[0], index[1]])))
        });
        pairs
            .map(|(fourcc, modifier)| formats.insert(*fourcc, *modifier))
            .count()
    }
}

/// Reads `size` bytes from the start of the file. Allocates only for bytes that are there.
fn read_up_to(fd: BorrowedFd<'_>, size: usize, bytes: &mut Vec<u8>) -> Result<()> {
    let mut part = [0; 4096];
    while bytes.len() < size {
        let wanted = (size - bytes.len()).min(part.len());
        match pread(fd, &mut part[..wanted], bytes.len() as u64) {
            Ok(0) => {
                return Err(Error::Protocol(
                    "a dma-buf format table that ends early".to_owned(),
                ));
            }
            Ok(read) => bytes.extend(&part[..read]),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => {
                return Err(Error::Kernel {
                    operation: "read of the dma-buf format table",
                    errno,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, memfd_create};

    fn table(entries: &[(u32, u64)]) -> (OwnedFd, u32) {
        let fd = memfd_create("table", MemfdFlags::CLOEXEC).unwrap();
        let mut bytes = Vec::new();
        for (format, modifier) in entries {
            bytes.extend(format.to_ne_bytes());
            bytes.extend([0; 4]);
            bytes.extend(modifier.to_ne_bytes());
        }
        rustix::io::write(&fd, &bytes).unwrap();
        (fd, bytes.len() as u32)
    }

    fn indices(of: &[u16]) -> Vec<u8> {
        of.iter().flat_map(|index| index.to_ne_bytes()).collect()
    }

    fn pairs(table: &FormatTable, of: &[u16]) -> (usize, Formats) {
        let mut formats = Formats::default();
        (table.tranche(&indices(of), &mut formats), formats)
    }

    #[test]
    fn a_tranche_names_pairs_of_the_table() {
        let (fd, size) = table(&[(1, 10), (1, 11), (2, 20)]);
        let (table, error) = FormatTable::read(fd, size);
        assert!(error.is_none());
        let (count, formats) = pairs(&table, &[2, 0]);
        assert_eq!(count, 2);
        assert_eq!(formats.modifiers(2), [20]);
        assert_eq!(formats.modifiers(1), [10]);
    }

    #[test]
    fn an_index_beyond_the_table_is_left_out() {
        let (fd, size) = table(&[(1, 10)]);
        let (table, _) = FormatTable::read(fd, size);
        assert_eq!(pairs(&table, &[7, 0, 65535]).0, 1);
    }

    #[test]
    fn of_a_table_shorter_than_it_says_there_is_what_it_has() {
        let (fd, size) = table(&[(1, 10)]);
        let (table, error) = FormatTable::read(fd, size + 16);
        assert!(error.is_some());
        assert_eq!(pairs(&table, &[0, 1]).0, 1);
    }

    #[test]
    fn half_an_entry_is_none() {
        let (fd, size) = table(&[(1, 10), (2, 20)]);
        let (table, error) = FormatTable::read(fd, size - 1);
        assert!(error.is_some());
        assert_eq!(pairs(&table, &[0, 1]).0, 1);
    }

    #[test]
    fn of_a_huge_table_there_is_what_indices_can_name() {
        let (fd, size) = table(&[(1, 10)]);
        rustix::fs::ftruncate(&fd, 1 << 30).unwrap();
        let (table, error) = FormatTable::read(fd.try_clone().unwrap(), 1 << 30);
        assert!(error.is_some());
        assert_eq!(table.0.len(), 1 << 16);
        // And no memory is taken for what is not there.
        rustix::fs::ftruncate(&fd, u64::from(size)).unwrap();
        let (table, error) = FormatTable::read(fd, u32::MAX);
        assert!(error.is_some());
        assert_eq!(table.0, [(1, 10)]);
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let (table, error) = FormatTable::read(reader.into(), 16);
        assert!(matches!(error, Some(Error::Kernel { .. })));
        assert!(table.0.is_empty());
    }

    #[test]
    fn an_implicit_modifier_is_not_one_that_we_can_name() {
        let mut formats = Formats::default();
        formats.insert(1, MODIFIER_INVALID);
        assert!(formats.is_empty());
        formats.insert(1, 0);
        formats.insert(1, 0);
        assert_eq!(formats.modifiers(1), [0]);
        assert!(formats.modifiers(2).is_empty());
    }
}
