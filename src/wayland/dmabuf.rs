//! What the compositor takes as dma-bufs (`zwp_linux_dmabuf_v1`).

use std::{
    collections::BTreeMap,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::io::pread;

use crate::error::{Error, Result};

/// `DRM_FORMAT_MOD_INVALID`: the layout is implied by the driver. We always name ours.
const MODIFIER_INVALID: u64 = 0x00ff_ffff_ffff_ffff;

/// A bound on the table's size in bytes, far above the few tens of kilobytes of real ones.
const LARGEST_TABLE: usize = 16 << 20;

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
    /// modifier, in native order.
    ///
    /// Read, not mapped: a file that is shorter than it says is an error then, not a `SIGBUS`.
    pub(super) fn read(fd: OwnedFd, size: u32) -> Result<Self> {
        let size = size as usize;
        if size > LARGEST_TABLE {
            return Err(Error::Protocol(format!(
                "a dma-buf format table of {size} bytes"
            )));
        }
        let mut bytes = vec![0; size];
        read_exact(rustix::fd::AsFd::as_fd(&fd), &mut bytes)?;
        Ok(FormatTable(
            bytes
                .chunks_exact(16)
                .map(|entry| {
                    let format = [entry[0], entry[1], entry[2], entry[3]];
                    let mut modifier = [0; 8];
                    modifier.copy_from_slice(&entry[8..16]);
                    (u32::from_ne_bytes(format), u64::from_ne_bytes(modifier))
                })
                .collect(),
        ))
    }

    /// The pair at each index of a tranche (16-bit, native order); an index beyond the table is left
    /// out.
    pub(super) fn tranche<'a>(
        &'a self,
        indices: &'a [u8],
    ) -> impl Iterator<Item = (u32, u64)> + 'a {
        indices
            .chunks_exact(2)
            .filter_map(|index| {
                self.0
                    .get(usize::from(u16::from_ne_bytes([index[0], index[1]])))
            })
            .copied()
    }
}

fn read_exact(fd: BorrowedFd<'_>, mut bytes: &mut [u8]) -> Result<()> {
    let mut offset = 0;
    while !bytes.is_empty() {
        match pread(fd, &mut *bytes, offset) {
            Ok(0) => {
                return Err(Error::Protocol(
                    "a dma-buf format table that ends early".to_owned(),
                ));
            }
            Ok(read) => {
                offset += read as u64;
                bytes = &mut bytes[read..];
            }
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

    #[test]
    fn a_tranche_names_pairs_of_the_table() {
        let (fd, size) = table(&[(1, 10), (1, 11), (2, 20)]);
        let table = FormatTable::read(fd, size).unwrap();
        let pairs: Vec<_> = table.tranche(&indices(&[2, 0])).collect();
        assert_eq!(pairs, [(2, 20), (1, 10)]);
    }

    #[test]
    fn an_index_beyond_the_table_is_left_out() {
        let (fd, size) = table(&[(1, 10)]);
        let table = FormatTable::read(fd, size).unwrap();
        assert_eq!(table.tranche(&indices(&[7, 0, 65535])).count(), 1);
    }

    #[test]
    fn a_table_shorter_than_it_says_is_an_error() {
        let (fd, size) = table(&[(1, 10)]);
        assert!(FormatTable::read(fd, size + 16).is_err());
    }

    #[test]
    fn an_absurd_size_is_refused_before_memory_is_taken() {
        let (fd, _) = table(&[]);
        assert!(FormatTable::read(fd, u32::MAX).is_err());
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
