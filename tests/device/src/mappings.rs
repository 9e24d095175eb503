//! What is mapped in an address space.

use std::collections::BTreeMap;

/// The buffers that are mapped: length in bytes and handle by address.
#[derive(Default)]
pub struct Mappings(BTreeMap<u64, (u64, u32)>);

impl Mappings {
    pub fn unmap(&mut self, address: u64, range: u64) {
        let end = address.saturating_add(range);
        // What begins before and reaches into it is cut, and may go on behind it.
        let touched: Vec<_> = self
            .0
            .range(..end)
            .filter(|(start, (length, _))| start.saturating_add(*length) > address)
            .map(|(start, (length, handle))| (*start, *length, *handle))
            .collect();
        for (start, length, handle) in touched {
            self.0.remove(&start);
            if start < address {
                self.0.insert(start, (address - start, handle));
            }
            let old_end = start.saturating_add(length);
            if old_end > end {
                self.0.insert(end, (old_end - end, handle));
            }
        }
    }

    pub fn map(&mut self, address: u64, range: u64, handle: u32) {
        self.unmap(address, range);
        self.0.insert(address, (range, handle));
    }

    pub fn handles(&self) -> Vec<u32> {
        let mut handles: Vec<_> = self.0.values().map(|(_, handle)| *handle).collect();
        handles.sort_unstable();
        handles.dedup();
        handles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_cut_by_what_is_unmapped_in_it() {
        let mut mappings = Mappings::default();
        mappings.map(0x1000, 0x4000, 7);
        mappings.unmap(0x2000, 0x1000);
        let parts: Vec<_> = mappings
            .0
            .iter()
            .map(|(at, (length, _))| (*at, *length))
            .collect();
        assert_eq!(parts, [(0x1000, 0x1000), (0x3000, 0x2000)]);
        assert_eq!(mappings.handles(), [7]);
        mappings.unmap(0, 0x10000);
        assert_eq!(mappings.handles(), [0_u32; 0]);
    }

    #[test]
    fn a_mapping_takes_the_place_of_those_before() {
        let mut mappings = Mappings::default();
        mappings.map(0x1000, 0x1000, 1);
        mappings.map(0x2000, 0x1000, 2);
        mappings.map(0x1000, 0x2000, 3);
        assert_eq!(mappings.handles(), [3]);
    }
}
