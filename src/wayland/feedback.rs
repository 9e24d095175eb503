//! Which dma-bufs the compositor prefers (`zwp_linux_dmabuf_feedback_v1`): by default, and for one surface,
//! which changes with how the compositor shows it.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::dmabuf::{FormatTable, Formats};
use crate::{error::Error, lock::lock};

/// `DRM_FORMAT_MOD_LINEAR`: the layout that every device reads.
const LINEAR: u64 = 0;

/// One feedback, from its first event to its `done`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feedback {
    /// The device that the compositor composes on, by the number of one of its nodes.
    pub main_device: Option<libc::dev_t>,
    /// The most preferred first.
    pub tranches: Vec<Tranche>,
}

/// Pairs of format and modifier of the same preference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tranche {
    /// The device that would read the buffer, by the number of one of its nodes.
    pub target_device: Option<libc::dev_t>,
    /// It may show the buffer without composing it.
    pub scanout: bool,
    /// The pairs.
    pub formats: Formats,
}

/// The DRM nodes of a driver's device (`VK_EXT_physical_device_drm`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Its primary node.
    pub primary: Option<libc::dev_t>,
    /// Its render node.
    pub render: Option<libc::dev_t>,
}

/// The modifiers to make images with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferred {
    /// They have the same preference. Not empty.
    pub modifiers: Vec<u64>,
    /// With these, it may show an image without composing it.
    pub scanout: bool,
}

impl Nodes {
    /// Whether this is a node of another device; `false` if either is unknown.
    pub fn is_foreign(&self, device: Option<libc::dev_t>) -> bool {
        let known = self.primary.is_some() || self.render.is_some();
        known && device.is_some() && device != self.primary && device != self.render
    }
}

impl Feedback {
    /// One tranche, for a compositor without preferences.
    pub(super) fn of(formats: Formats) -> Self {
        Feedback {
            main_device: None,
            tranches: vec![Tranche {
                formats,
                ..Tranche::default()
            }],
        }
    }

    /// Of the modifiers that the driver supports for this format (`able`), those of the first tranche that has
    /// any; `None` if there are none.
    ///
    /// If the compositor composes on another device than the driver's (`nodes`), the layouts of one may be
    /// unreadable for the other, whatever their names: then the linear layout comes before all others, except
    /// in tranches for the driver's own device.
    pub fn preferred(&self, fourcc: u32, able: &[u64], nodes: &Nodes) -> Option<Preferred> {
        let first = |usable: &dyn Fn(&Tranche, u64) -> bool| {
            self.tranches.iter().find_map(|tranche| {
                let offered = tranche.formats.modifiers(fourcc);
                let modifiers: Vec<u64> = able
                    .iter()
                    .copied()
                    .filter(|modifier| offered.contains(modifier) && usable(tranche, *modifier))
                    .collect();
                (!modifiers.is_empty()).then_some(Preferred {
                    modifiers,
                    scanout: tranche.scanout,
                })
            })
        };
        let any = |_: &Tranche, _| true;
        if !nodes.is_foreign(self.main_device) {
            return first(&any);
        }
        let readable = |tranche: &Tranche, modifier| {
            let own = tranche.target_device.is_some() && !nodes.is_foreign(tranche.target_device);
            own || modifier == LINEAR
        };
        first(&readable).or_else(|| first(&any))
    }
}

/// The events of a feedback object so far.
#[derive(Default)]
pub(super) struct Told {
    state: Mutex<State>,
    /// How often [`State::newest`] has changed.
    changes: AtomicU64,
}

#[derive(Default)]
struct State {
    table: FormatTable,
    /// The events since the last `done`.
    next: Feedback,
    tranche: Tranche,
    newest: Option<Arc<Feedback>>,
}

impl Told {
    /// The newest whole feedback; `None` before the first.
    pub(super) fn newest(&self) -> Option<Arc<Feedback>> {
        lock(&self.state).newest.as_ref().map(Arc::clone)
    }

    /// How often [`newest`](Self::newest) has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// `format_table`: read at once, into memory of our own. One that cannot be read counts as empty.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn table(&self, fd: OwnedFd, size: u32) -> Result<(), Error> {
        let (table, error) = FormatTable::read(fd, size);
        lock(&self.state).table = table;
        error.map_or(Ok(()), Err)
    }

    pub(super) fn main_device(&self, device: &[u8]) {
        lock(&self.state).next.main_device = device_number(device);
    }

    pub(super) fn target_device(&self, device: &[u8]) {
        lock(&self.state).tranche.target_device = device_number(device);
    }

    pub(super) fn flags(&self, scanout: bool) {
        lock(&self.state).tranche.scanout = scanout;
    }

    /// # Errors
    /// Indices beyond the table; the others are used.
    pub(super) fn formats(&self, indices: &[u8]) -> Result<(), Error> {
        let State { table, tranche, .. } = &mut *lock(&self.state);
        let pairs = table.tranche(indices, &mut tranche.formats);
        let named = indices.len() / 2;
        if pairs < named || !indices.len().is_multiple_of(2) {
            return Err(Error::Protocol(format!(
                "a dma-buf tranche of {} bytes in which {pairs} indices name a format of the table",
                indices.len()
            )));
        }
        Ok(())
    }

    pub(super) fn tranche_done(&self) {
        let State { next, tranche, .. } = &mut *lock(&self.state);
        next.tranches.push(std::mem::take(tranche));
    }

    /// The feedback is complete, and is the newest from now on.
    pub(super) fn done(&self) {
        let State {
            next,
            tranche,
            newest,
            ..
        } = &mut *lock(&self.state);
        *tranche = Tranche::default();
        let told = std::mem::take(next);
        if newest.as_deref() != Some(&told) {
            *newest = Some(Arc::new(told));
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A `dev_t` as the protocol sends it, "in the native endianness"; `None` if it has another size.
fn device_number(bytes: &[u8]) -> Option<libc::dev_t> {
    bytes.try_into().ok().map(libc::dev_t::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOURCC: u32 = 7;
    const TILED: u64 = 0x100;
    const COMPRESSED: u64 = 0x200;
    const DRIVER: libc::dev_t = 128;
    const OTHER: libc::dev_t = 129;
    const NODES: Nodes = Nodes {
        primary: Some(1),
        render: Some(DRIVER),
    };

    fn tranche(target: libc::dev_t, scanout: bool, modifiers: &[u64]) -> Tranche {
        let mut formats = Formats::default();
        for modifier in modifiers {
            formats.insert(FOURCC, *modifier);
        }
        Tranche {
            target_device: Some(target),
            scanout,
            formats,
        }
    }

    fn feedback(main: libc::dev_t, tranches: &[Tranche]) -> Feedback {
        Feedback {
            main_device: Some(main),
            tranches: tranches.to_vec(),
        }
    }

    fn modifiers(of: &Feedback, able: &[u64], nodes: &Nodes) -> Vec<u64> {
        of.preferred(FOURCC, able, nodes)
            .map(|preferred| preferred.modifiers)
            .unwrap_or_default()
    }

    #[test]
    fn the_first_tranche_that_the_driver_can_do_is_preferred() {
        let told = feedback(
            DRIVER,
            &[
                tranche(DRIVER, true, &[COMPRESSED]),
                tranche(DRIVER, false, &[TILED, LINEAR]),
                tranche(DRIVER, false, &[LINEAR]),
            ],
        );
        let of = |able: &[u64]| told.preferred(FOURCC, able, &NODES);
        let preferred = |modifiers: &[u64], scanout| {
            Some(Preferred {
                modifiers: modifiers.to_vec(),
                scanout,
            })
        };
        assert_eq!(
            of(&[LINEAR, TILED, COMPRESSED]),
            preferred(&[COMPRESSED], true)
        );
        // Within a tranche the driver's order, for the choice is the driver's.
        assert_eq!(of(&[LINEAR, TILED]), preferred(&[LINEAR, TILED], false));
        assert_eq!(of(&[TILED]), preferred(&[TILED], false));
        assert_eq!(of(&[99]), None);
        assert_eq!(told.preferred(FOURCC + 1, &[LINEAR], &NODES), None);
    }

    #[test]
    fn images_for_another_device_are_linear_where_both_can() {
        let told = feedback(OTHER, &[tranche(OTHER, false, &[TILED, LINEAR])]);
        assert_eq!(modifiers(&told, &[TILED, LINEAR], &NODES), [LINEAR]);
        assert_eq!(modifiers(&told, &[TILED], &NODES), [TILED]);
        // Nothing is known of the driver's device, or all that is needed.
        let unknown = Nodes::default();
        assert_eq!(
            modifiers(&told, &[TILED, LINEAR], &unknown),
            [TILED, LINEAR]
        );
        for main in [DRIVER, 1] {
            let told = feedback(main, &[tranche(OTHER, true, &[TILED, LINEAR])]);
            assert_eq!(modifiers(&told, &[TILED, LINEAR], &NODES), [TILED, LINEAR]);
        }
    }

    /// The display is on the driver's device, though the compositor composes on another.
    #[test]
    fn a_tranche_for_the_drivers_own_device_may_have_any_layout() {
        let told = feedback(
            OTHER,
            &[
                tranche(DRIVER, true, &[TILED]),
                tranche(OTHER, false, &[TILED, LINEAR]),
            ],
        );
        assert_eq!(modifiers(&told, &[TILED, LINEAR], &NODES), [TILED]);
    }

    #[test]
    fn only_a_whole_feedback_that_is_another_one_is_a_change() {
        let told = Told::default();
        assert!(told.newest().is_none());
        let tell = |main: u64, scanout| {
            told.main_device(&main.to_ne_bytes());
            told.target_device(&main.to_ne_bytes());
            told.flags(scanout);
            told.tranche_done();
        };
        tell(DRIVER, false);
        assert!(told.newest().is_none());
        told.done();
        let first = told.newest().unwrap();
        let number = told.changes();
        assert_eq!(*first, feedback(DRIVER, &[tranche(DRIVER, false, &[])]));
        tell(DRIVER, false);
        told.done();
        assert_eq!(told.changes(), number);
        tell(DRIVER, true);
        assert_eq!(told.changes(), number);
        told.done();
        assert_ne!(told.changes(), number);
        assert!(told.newest().unwrap().tranches[0].scanout);
    }

    #[test]
    fn a_device_of_another_size_is_not_one() {
        let told = Told::default();
        told.main_device(&[1, 2, 3]);
        told.done();
        assert_eq!(told.newest().unwrap().main_device, None);
    }

    #[test]
    fn indices_that_name_nothing_are_complained_of() {
        let told = Told::default();
        assert!(told.formats(&[]).is_ok());
        assert!(told.formats(&[0, 0]).is_err());
        assert!(told.formats(&[0]).is_err());
    }
}
