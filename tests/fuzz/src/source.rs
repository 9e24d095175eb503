//! Decisions, made by bytes.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use wayfence_test_compositor::Whim;

/// Numbers that are at the edge of something.
const EDGES: &[u32] = &[
    0,
    1,
    2,
    16,
    60_000,
    999_999_999,
    1_000_000_000,
    i32::MAX as u32,
    i32::MIN as u32,
    u32::MAX - 1,
    u32::MAX,
];

/// As long as a run of bytes may be: a message of Wayland has room for 4096.
const LONGEST: usize = 1024;

/// Bytes, each of which decides something. When they are used up all is 0, which ends every loop that asks
/// [`is_over`](Self::is_over).
pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0 {
            [] => 0,
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
        }
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// One chance of so many.
    pub(crate) fn one_in(&mut self, many: u8) -> bool {
        self.byte() % many == many - 1
    }

    /// As often at an edge as anywhere.
    pub(crate) fn u32(&mut self) -> u32 {
        match self.byte() {
            edge if edge < 128 => EDGES[usize::from(edge) % EDGES.len()],
            _ => u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
        }
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    /// Nearer to 0 the likelier.
    pub(crate) fn f32(&mut self) -> f32 {
        match self.byte() {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            3 => f32::MAX,
            4 => f32::from_bits(self.u32()),
            small => f32::from(small) / 256.0 * f32::from(self.byte()),
        }
    }

    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// One of these; `None` if there is none.
    pub(crate) fn of<'b, T>(&mut self, these: &'b [T]) -> Option<&'b T> {
        (!these.is_empty()).then(|| &these[self.index(these.len())])
    }

    pub(crate) fn run(&mut self) -> Vec<u8> {
        let length = match self.byte() {
            long @ 250.. => usize::from(long - 249) * LONGEST / 6,
            short => usize::from(short) % 40,
        };
        (0..length).map(|_| self.byte()).collect()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Something that a descriptor may be.
    pub(crate) fn any_file(&mut self) -> OwnedFd {
        match self.byte() % 6 {
            0 => {
                let (reader, _writer) = std::io::pipe().expect("a pipe");
                reader.into()
            }
            1 => std::fs::File::open("/dev/zero").expect("/dev/zero").into(),
            2 => std::fs::File::open("/proc/self").expect("/proc").into(),
            3 => memory(&[], u64::from(self.u32()), false),
            sealed => {
                let bytes = self.run();
                let length = match self.flag() {
                    true => bytes.len() as u64,
                    false => u64::from(self.u32()) % 100_000,
                };
                memory(&bytes, length, sealed == 4)
            }
        }
    }
}

/// A file of `length` bytes that begins with these.
pub(crate) fn memory(bytes: &[u8], length: u64, sealed: bool) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create("wayfence-fuzz", flags).expect("memfd_create");
    rustix::io::write(&file, bytes).expect("room");
    ftruncate(&file, length).expect("any length");
    if sealed {
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        fcntl_add_seals(&file, seals).expect("seals");
    }
    file
}

impl Whim for Source<'_> {
    fn number(&mut self) -> u32 {
        self.u32()
    }

    fn below(&mut self, bound: usize) -> usize {
        self.index(bound)
    }

    fn bytes(&mut self) -> Vec<u8> {
        self.run()
    }

    fn file(&mut self) -> OwnedFd {
        self.any_file()
    }
}
