//! Dma-buf feedback: events in any order, about files of any kind.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::ftruncate;
use rustix::io::pread;
use wayfence::wayland::{self, Nodes};
use wayfence_test_compositor::{
    Compositor, Feedback, FeedbackEvent, Format, Offer, Table, Tranche,
};
use wayfence_tests::Window;

use crate::source::{Source, memory};

/// As many pairs as indices of 16 bits can point to.
const MOST: usize = 1 << 16;

/// `DRM_FORMAT_MOD_INVALID`, which says nothing.
const IMPLICIT: u64 = 0x00ff_ffff_ffff_ffff;

/// Feedback that a compositor would rather not send.
pub(crate) fn any(source: &mut Source<'_>) -> Feedback {
    let mut feedback = Feedback::of(source.u64(), &Offer::default().formats);
    feedback.tranches = (0..source.index(4))
        .map(|_| Tranche {
            target_device: source.u64(),
            scanout: source.flag(),
            formats: {
                let mut formats = Offer::default().formats;
                formats.retain(|_| source.flag());
                let nothing = Format {
                    fourcc: 0,
                    modifier: 0,
                };
                formats.extend((0..source.index(3)).map(|_| nothing));
                formats
            },
            stray_indices: match source.flag() {
                true => source.run(),
                false => Vec::new(),
            },
        })
        .collect();
    feedback.table = match source.byte() % 8 {
        0 => Table::Missing,
        1 => Table::Claims(source.u32()),
        2 => Table::Huge(source.u32() % 4_000_000),
        3 => Table::Unmappable,
        4 => Table::Replaced,
        _ => Table::Proper,
    };
    feedback
}

/// A compositor sends any feedback for a surface. What is told of it is what the protocol says it is: a pair for each
/// index of a tranche that names a whole entry of the table's file as it is when the events are dispatched.
pub(crate) fn play(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let initial = any(&mut source);
    let compositor = Compositor::new(Offer {
        feedback: Some(initial),
        ..Offer::default()
    });
    let (client, socket) = compositor.connect_as();
    let window = Window::open_at(socket);
    // SAFETY: display and surface are the window's, which outlives this.
    let surface = unsafe { wayland::Surface::of(window.display_ptr(), window.surface_ptr()) }
        .expect("a compositor that answers");
    let of = compositor.surfaces(client)[0];
    // A table counts until there is another one, and the model does not know the initial one.
    surface.await_feedback().expect("a living compositor");
    let nothing = FeedbackEvent::FormatTable(memory(&[], 0, false), 0);
    compositor.misbehave().feedback(of, &[nothing]);
    let mut model = Model::default();
    // Until the first, what was said initially counts.
    let mut is_told = false;
    while !source.is_over() {
        let (events, files) = events(&mut source);
        compositor.misbehave().feedback(of, &events);
        // The client gets the file itself, which may be another one by now.
        for file in &files {
            if source.one_in(4) {
                // A sealed one stays as it is.
                let _ = ftruncate(file, (source.u32() % 4096).into());
            }
        }
        // Older releases of libwayland read once, and no further than to a descriptor.
        window.roundtrip().expect("a living compositor");
        surface.await_feedback().expect("a living compositor");
        for event in &events {
            is_told |= model.hear(event);
        }
        if is_told {
            model.compare(&surface.feedback(), &mut source);
        }
    }
    window.assert_alive();
}

fn events(source: &mut Source<'_>) -> (Vec<FeedbackEvent>, Vec<OwnedFd>) {
    let mut files = Vec::new();
    let mut all = Vec::new();
    for _ in 0..=source.index(8) {
        all.push(match source.byte() % 8 {
            0 => {
                let (file, size) = table(source);
                files.push(file.try_clone().expect("a descriptor is left"));
                FeedbackEvent::FormatTable(file, size)
            }
            1 => FeedbackEvent::MainDevice(device(source)),
            2 => FeedbackEvent::TrancheTargetDevice(device(source)),
            3 => FeedbackEvent::TrancheFlags(source.u32()),
            4 | 5 => FeedbackEvent::TrancheFormats(match source.flag() {
                true => source.run(),
                false => (0..source.byte())
                    .flat_map(|index| u16::from(index).to_ne_bytes())
                    .collect(),
            }),
            6 => FeedbackEvent::TrancheDone,
            _ => FeedbackEvent::Done,
        });
    }
    (all, files)
}

fn device(source: &mut Source<'_>) -> Vec<u8> {
    match source.byte() % 4 {
        0 => source.run(),
        _ => source.u64().to_ne_bytes().to_vec(),
    }
}

fn table(source: &mut Source<'_>) -> (OwnedFd, u32) {
    if source.one_in(8) {
        let size = source.u32();
        return (source.any_file(), size);
    }
    // Few formats, and few modifiers, so that pairs meet.
    let entries = usize::from(source.byte());
    let mut bytes = Vec::with_capacity(entries * 16);
    for _ in 0..entries {
        let modifier = match source.byte() % 8 {
            0 => IMPLICIT,
            few => few.into(),
        };
        bytes.extend(u32::from(source.byte() % 4).to_ne_bytes());
        bytes.extend([0xa5; 4]);
        bytes.extend(modifier.to_ne_bytes());
    }
    let length = match source.byte() % 4 {
        0 => u64::from(source.u32()) % 2_000_000,
        _ => bytes.len() as u64,
    };
    let size = match source.byte() % 4 {
        0 => source.u32(),
        1 => bytes.len() as u32 + u32::from(source.byte()),
        _ => bytes.len() as u32,
    };
    (memory(&bytes, length, source.flag()), size)
}

/// What the protocol says that was said.
#[derive(Default)]
struct Model {
    table: Vec<(u32, u64)>,
    next: Told,
    tranche: Said,
    newest: Told,
}

#[derive(Clone, Default)]
struct Told {
    main_device: Option<u64>,
    tranches: Vec<Said>,
}

#[derive(Clone, Default)]
struct Said {
    device: Option<u64>,
    scanout: bool,
    formats: BTreeMap<u32, Vec<u64>>,
}

impl Model {
    /// Answers whether a feedback is whole.
    fn hear(&mut self, event: &FeedbackEvent) -> bool {
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_ne_bytes);
        match event {
            FeedbackEvent::FormatTable(file, size) => self.table = entries(file, *size),
            FeedbackEvent::MainDevice(device) => self.next.main_device = number(device),
            FeedbackEvent::TrancheTargetDevice(device) => self.tranche.device = number(device),
            // The first bit is `scanout`; a bit that no version has makes all of them none.
            FeedbackEvent::TrancheFlags(flags) => self.tranche.scanout = *flags == 1,
            FeedbackEvent::TrancheFormats(indices) => {
                for index in indices.chunks_exact(2) {
                    let index = u16::from_ne_bytes([index[0], index[1]]);
                    let Some((format, modifier)) = self.table.get(usize::from(index)) else {
                        continue;
                    };
                    let modifiers = self.tranche.formats.entry(*format).or_default();
                    if *modifier != IMPLICIT && !modifiers.contains(modifier) {
                        modifiers.push(*modifier);
                    }
                }
            }
            FeedbackEvent::TrancheDone => {
                self.next.tranches.push(std::mem::take(&mut self.tranche));
            }
            FeedbackEvent::Done => {
                self.tranche = Said::default();
                self.newest = std::mem::take(&mut self.next);
                return true;
            }
        }
        false
    }

    fn compare(&self, told: &Arc<wayland::Feedback>, source: &mut Source<'_>) {
        assert_eq!(told.main_device, self.newest.main_device);
        assert_eq!(told.tranches.len(), self.newest.tranches.len());
        for (told, said) in told.tranches.iter().zip(&self.newest.tranches) {
            assert_eq!(told.target_device, said.device);
            assert_eq!(told.scanout, said.scanout);
            for (format, modifiers) in &said.formats {
                assert_eq!(told.formats.modifiers(*format), modifiers);
            }
        }
        // And who chooses from it gets what is there.
        let nodes = Nodes {
            primary: source.flag().then(|| source.u64()),
            render: source.flag().then(|| source.u64()),
        };
        let able: Vec<u64> = (0..8).filter(|_| source.flag()).collect();
        for format in 0..4 {
            if let Some(preferred) = told.preferred(format, &able, &nodes) {
                assert!(!preferred.modifiers.is_empty());
                assert!(
                    preferred
                        .modifiers
                        .iter()
                        .all(|modifier| able.contains(modifier))
                );
            }
        }
    }
}

/// The whole entries of what can be read of the file.
fn entries(file: &OwnedFd, size: u32) -> Vec<(u32, u64)> {
    let most = (size as usize).min(MOST * 16);
    let mut bytes = vec![0; most];
    let mut read = 0;
    while read < most {
        match pread(file.as_fd(), &mut bytes[read..], read as u64) {
            Ok(0) | Err(_) => break,
            Ok(more) => read += more,
        }
    }
    let entry = |entry: &[u8]| {
        let format = u32::from_ne_bytes(entry[..4].try_into().expect("four bytes"));
        let modifier = u64::from_ne_bytes(entry[8..].try_into().expect("eight bytes"));
        (format, modifier)
    };
    bytes[..read].chunks_exact(16).map(entry).collect()
}
