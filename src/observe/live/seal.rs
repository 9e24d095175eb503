//! How that is replaced which other processes may read at any time: behind a state that changes before and after.
//!
//! Who has read the same state before and after something has read what was written under that state. The fences are
//! what processors need that let stores overtake one another (x86 does not).

use super::sync::{AtomicU64, Ordering, fence};

/// From now on the state is another one: whoever sees anything that is written after this sees that, too.
pub(super) fn hide(state: &AtomicU64, meanwhile: u64) {
    state.store(meanwhile, Ordering::Relaxed);
    fence(Ordering::Release);
}

/// All that was written since the state was [hidden](hide) is to be read under this one, which it never had.
pub(super) fn show(state: &AtomicU64, number: u64) {
    state.store(number, Ordering::Release);
}

/// Reads what is behind the state, if that is the same before and after. `read` is told the state, and may answer that
/// there is nothing to be seen.
pub(super) fn read<T>(
    state: impl Fn() -> Option<u64>,
    read: impl FnOnce(u64) -> Option<T>,
) -> Option<T> {
    let before = state()?;
    fence(Ordering::Acquire);
    let seen = read(before)?;
    fence(Ordering::Acquire);
    (state()? == before).then_some(seen)
}
