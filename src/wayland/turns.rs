//! Whose turn it is to read and dispatch: one thread's at a time. The others wait until it has done so.

use std::time::{Duration, Instant};

use super::sync::{Condvar, Mutex, PoisonError, lock};
use crate::deadline::Deadline;

/// After how long a thread that waits for another tries again to send what the socket did not take.
const RESEND_AFTER: Duration = Duration::from_millis(10);

/// After how many dispatches we read the socket ourselves, even if no call has to wait. A compositor ends a
/// client that does not read, once the socket is full with some hundred events, and some applications leave all
/// reading to their swapchain.
const READ_EVERY: u32 = 64;

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turns {
    reader: Mutex<Reader>,
    over: Condvar,
}

#[derive(Default)]
struct Reader {
    /// Whether a thread reads and dispatches.
    busy: bool,
    /// How often a thread has finished doing so: a waiting thread that saw an older number looks again.
    turns: u64,
    /// How many threads wait for the end of this turn.
    waiting: u32,
    /// How often events were dispatched since we last read the socket.
    unread: u32,
}

/// The outcome of one turn at the socket.
pub(super) enum Turn {
    /// Perhaps events.
    Events,
    /// Nothing, until the deadline passed.
    #[cfg_attr(test, allow(dead_code, reason = "in the model no deadline passes"))]
    TimedOut,
}

impl Turns {
    /// A turn for a call that need not wait, unless another thread has one; and whether it is time to read,
    /// which costs a system call.
    pub(super) fn pass(&self) -> Option<(Taken<'_>, bool)> {
        let mut reader = lock(&self.reader);
        if std::mem::replace(&mut reader.busy, true) {
            return None;
        }
        reader.unread += 1;
        let reads = reader.unread >= READ_EVERY;
        if reads {
            reader.unread = 0;
        }
        drop(reader);
        Some((Taken(self), reads))
    }

    /// A turn for a call that reads without waiting, unless another thread has one.
    pub(super) fn look(&self) -> Option<Taken<'_>> {
        let mut reader = lock(&self.reader);
        if std::mem::replace(&mut reader.busy, true) {
            return None;
        }
        reader.unread = 0;
        drop(reader);
        Some(Taken(self))
    }

    /// Waits until `ready` answers, or the deadline passes (`None`): takes a `turn` if no thread has one, or else
    /// waits for the end of another thread's. `ready` is called at the beginning, after each turn, and once more
    /// at the end; it must not wait.
    ///
    /// Who has a turn sends what was requested before. Who waits for another's must do that itself, since that
    /// turn may end only with the answer: `send` says whether all was sent.
    ///
    /// # Errors
    /// That of a turn or of `send`, if `ready` does not answer then.
    pub(super) fn wait<T, E>(
        &self,
        deadline: Deadline,
        mut ready: impl FnMut() -> Option<T>,
        mut turn: impl FnMut() -> Result<Turn, E>,
        mut send: impl FnMut() -> Result<bool, E>,
    ) -> Result<Option<T>, E> {
        let mut sent = false;
        loop {
            let seen = lock(&self.reader).turns;
            if let Some(answer) = ready() {
                return Ok(Some(answer));
            }
            let mut reader = lock(&self.reader);
            if reader.busy {
                let mut patience = deadline;
                if !sent {
                    drop(reader);
                    match send() {
                        Ok(all) => sent = all,
                        Err(error) => return ready().map(Some).ok_or(error),
                    }
                    if !sent {
                        patience = deadline.or_at(Instant::now() + RESEND_AFTER);
                    }
                    reader = lock(&self.reader);
                }
                reader.waiting += 1;
                while reader.busy && reader.turns == seen {
                    reader = match patience.remaining() {
                        None => self
                            .over
                            .wait(reader)
                            .unwrap_or_else(PoisonError::into_inner),
                        Some(left) if left.is_zero() => break,
                        Some(left) => {
                            self.over
                                .wait_timeout(reader, left)
                                .unwrap_or_else(PoisonError::into_inner)
                                .0
                        }
                    };
                }
                reader.waiting -= 1;
                let in_vain = reader.busy && reader.turns == seen;
                drop(reader);
                if in_vain && deadline.is_over() {
                    return Ok(ready());
                }
                continue;
            }
            if reader.turns != seen {
                continue;
            }
            reader.busy = true;
            reader.unread = 0;
            drop(reader);
            let brought = {
                let _ends = Taken(self);
                turn()
            };
            match brought {
                Ok(Turn::Events) => {}
                Ok(Turn::TimedOut) => return Ok(ready()),
                Err(error) => return ready().map(Some).ok_or(error),
            }
        }
    }
}

/// A thread's turn. It ends on drop, so that the others look again.
pub(super) struct Taken<'a>(&'a Turns);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut reader = lock(&self.0.reader);
        reader.busy = false;
        reader.turns += 1;
        let somebody_waits = reader.waiting > 0;
        drop(reader);
        // Notifying is a system call even if nothing waits.
        if somebody_waits {
            self.0.over.notify_all();
        }
    }
}
