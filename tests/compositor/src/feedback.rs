//! Dma-buf feedback: which device, which formats and modifiers, in which order of preference.

use std::io::pipe;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Dev, MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::write;
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_feedback_v1::{
    TrancheFlags, ZwpLinuxDmabufFeedbackV1,
};

use crate::format::Format;

/// What a `zwp_linux_dmabuf_feedback_v1` says.
#[derive(Clone, Debug, Default)]
pub struct Feedback {
    /// The compositor's own device.
    pub main_device: Dev,
    /// Most preferred first.
    pub tranches: Vec<Tranche>,
    /// The table that the tranches point to.
    pub table: Table,
}

/// Formats with the same preference.
#[derive(Clone, Debug, Default)]
pub struct Tranche {
    /// The device that would use the buffer.
    pub target_device: Dev,
    /// Whether it might be scanned out.
    pub scanout: bool,
    /// The pairs.
    pub formats: Vec<Format>,
    /// Bytes after the indices of [`formats`](Self::formats), such as indices beyond the table, or half of one.
    pub stray_indices: Vec<u8>,
}

/// How the format table goes to the client. All but the first break the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// As the protocol says.
    #[default]
    Proper,
    /// It is not sent.
    Missing,
    /// The event claims this many bytes.
    Claims(u32),
    /// It has this many bytes: zeros follow the pairs.
    Huge(u32),
    /// It is a pipe, which cannot be mapped.
    Unmappable,
    /// Another one is sent just before, with different pairs.
    Replaced,
}

/// One event of `zwp_linux_dmabuf_feedback_v1`, with whatever it says.
#[derive(Debug)]
#[allow(missing_docs, reason = "the protocol's own names")]
pub enum FeedbackEvent {
    FormatTable(OwnedFd, u32),
    MainDevice(Vec<u8>),
    TrancheTargetDevice(Vec<u8>),
    TrancheFlags(u32),
    TrancheFormats(Vec<u8>),
    TrancheDone,
    Done,
}

impl FeedbackEvent {
    pub(crate) fn send(&self, object: &ZwpLinuxDmabufFeedbackV1) {
        match self {
            Self::FormatTable(file, size) => object.format_table(file.as_fd(), *size),
            Self::MainDevice(device) => object.main_device(device.clone()),
            Self::TrancheTargetDevice(device) => object.tranche_target_device(device.clone()),
            Self::TrancheFlags(flags) => {
                object.tranche_flags(TrancheFlags::from_bits_retain(*flags));
            }
            Self::TrancheFormats(indices) => object.tranche_formats(indices.clone()),
            Self::TrancheDone => object.tranche_done(),
            Self::Done => object.done(),
        }
    }
}

impl Feedback {
    /// One tranche of all formats.
    pub fn of(device: Dev, formats: &[Format]) -> Self {
        Self {
            main_device: device,
            tranches: vec![Tranche {
                target_device: device,
                formats: formats.to_vec(),
                ..Tranche::default()
            }],
            table: Table::Proper,
        }
    }

    /// Sends all of it.
    pub(crate) fn send(&self, object: &ZwpLinuxDmabufFeedbackV1) {
        let mut table: Vec<Format> = Vec::new();
        for format in self.tranches.iter().flat_map(|tranche| &tranche.formats) {
            if !table.contains(format) {
                table.push(*format);
            }
        }
        self.send_table(object, &table);
        object.main_device(self.main_device.to_ne_bytes().to_vec());
        for tranche in &self.tranches {
            object.tranche_target_device(tranche.target_device.to_ne_bytes().to_vec());
            object.tranche_flags(if tranche.scanout {
                TrancheFlags::Scanout
            } else {
                TrancheFlags::empty()
            });
            let mut indices: Vec<u8> = tranche
                .formats
                .iter()
                .filter_map(|format| table.iter().position(|entry| entry == format))
                .flat_map(|index| (index as u16).to_ne_bytes())
                .collect();
            indices.extend(&tranche.stray_indices);
            object.tranche_formats(indices);
            object.tranche_done();
        }
        object.done();
    }

    fn send_table(&self, object: &ZwpLinuxDmabufFeedbackV1, formats: &[Format]) {
        let bytes = table_bytes(formats);
        let size = bytes.len() as u32;
        match self.table {
            Table::Proper => object.format_table(file(&bytes, size).as_fd(), size),
            Table::Missing => {}
            Table::Claims(claim) => object.format_table(file(&bytes, size).as_fd(), claim),
            Table::Huge(length) => {
                let length = length.max(size);
                object.format_table(file(&bytes, length).as_fd(), length);
            }
            Table::Unmappable => {
                let (reader, _writer) = pipe().expect("pipe");
                object.format_table(reader.as_fd(), size);
            }
            Table::Replaced => {
                let others: Vec<Format> = formats
                    .iter()
                    .map(|format| Format {
                        fourcc: !format.fourcc,
                        modifier: !format.modifier,
                    })
                    .collect();
                object.format_table(file(&table_bytes(&others), size).as_fd(), size);
                object.format_table(file(&bytes, size).as_fd(), size);
            }
        }
    }
}

/// "Each pair is 16 bytes wide. It contains a format as a 32-bit unsigned integer, followed by 4 bytes of
/// unused padding, and a modifier as a 64-bit unsigned integer. The native endianness is used."
fn table_bytes(formats: &[Format]) -> Vec<u8> {
    formats
        .iter()
        .flat_map(|format| {
            let mut entry = [0; 16];
            entry[..4].copy_from_slice(&format.fourcc.to_ne_bytes());
            entry[8..].copy_from_slice(&format.modifier.to_ne_bytes());
            entry
        })
        .collect()
}

/// A file of `length` bytes that begins with these, and never changes.
fn file(bytes: &[u8], length: u32) -> OwnedFd {
    let file = memfd_create(
        "wayfence-format-table",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )
    .expect("memfd_create");
    let written = write(&file, bytes).expect("write to memory");
    assert_eq!(written, bytes.len());
    ftruncate(&file, length.into()).expect("ftruncate");
    fcntl_add_seals(
        &file,
        SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )
    .expect("F_ADD_SEALS");
    file
}
