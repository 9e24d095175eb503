//! What became of presents.

use super::*;

type Record = Presentations<u64>;

/// A fence that has signalled at its number, but for 0.
impl Signal for u64 {
    fn signalled_at(&self) -> Option<u64> {
        (*self > 0).then_some(*self)
    }
}

fn numbered(record: &mut Record, id: u64, now: Instant) -> u64 {
    record.committed(Some(id), None, now, now)
}

fn report(reader: Reader, fence: u64) -> Option<Report<u64>> {
    Some(Report {
        reader,
        stages: Stages::that(|stage| stage != Stage::Dequeued),
        target: None,
        committed: 5,
        said: [fence, 1],
        called: 3,
        handed: 4,
        rendered: Rendered::Fence(fence),
    })
}

fn shown(at: u64) -> Shown {
    Shown {
        at: Some(at),
        is_complete: true,
        by_hardware: true,
        ..Shown::default()
    }
}

/// Of each frame its number, what is known of it, and whether that is all.
fn told(record: &mut Record, wanted: Wanted, now: Instant) -> Vec<(u64, Vec<u64>, bool)> {
    let (past, is_more) = record.past(Reader::Queue, wanted, Some(9), false, now);
    assert!(!is_more);
    past.iter()
        .map(|past| {
            let times = past.known().map(|(_, at)| at).collect();
            (past.id, times, past.is_complete())
        })
        .collect()
}

const WHOLE: Wanted = Wanted {
    partial: false,
    out_of_order: false,
};
const PARTIAL: Wanted = Wanted {
    partial: true,
    out_of_order: false,
};
const ANY_ORDER: Wanted = Wanted {
    partial: false,
    out_of_order: true,
};

#[test]
fn a_frame_is_over_when_it_or_a_later_one_was_shown() {
    let now = Instant::now();
    let mut record = Record::default();
    let serials = [3, 4, 9].map(|id| numbered(&mut record, id, now));
    assert!(!record.is_over(1, now));
    record.shown(serials[1], shown(7));
    for (id, over) in [(1, true), (3, true), (4, true), (5, false), (9, false)] {
        assert_eq!(record.is_over(id, now), over, "{id}");
    }
    record.discarded(serials[2]);
    assert!(record.is_over(9, now));
    // Late news changes nothing.
    record.over(serials[0]);
    assert!(record.is_over(9, now));
    assert!(record.frames.is_empty());
}

#[test]
fn a_frame_of_which_nothing_is_heard_is_over_at_the_bound() {
    let start = Instant::now();
    let later = start + BOUND / 2;
    let mut record = Record::default();
    numbered(&mut record, 1, start);
    numbered(&mut record, 2, later);
    assert_eq!(record.over_at(1), Some(start + BOUND));
    assert_eq!(record.over_at(2), Some(later + BOUND));
    assert!(!record.is_over(1, later));
    assert!(record.is_over(1, start + BOUND));
    assert!(!record.is_over(2, start + BOUND));
    assert!(record.is_over(2, later + BOUND));
}

#[test]
fn a_frame_that_is_meant_for_later_is_silent_from_then_on() {
    let start = Instant::now();
    let target = start + 3 * BOUND;
    let mut record = Record::default();
    record.committed(Some(1), None, start, target);
    // One without a target comes after it.
    numbered(&mut record, 2, start);
    assert!(!record.is_over(1, target));
    assert_eq!(record.over_at(2), Some(target + BOUND));
    assert!(record.is_over(2, target + BOUND));
}

#[test]
fn frames_of_which_nothing_is_heard_do_not_pile_up() {
    let start = Instant::now();
    let mut record = Record::default();
    for id in 1..1000 {
        numbered(&mut record, id, start + BOUND / 4 * id as u32);
    }
    assert!(record.frames.len() <= 4);
}

#[test]
fn a_frame_that_could_not_be_committed_waits_for_none_but_those_before_it() {
    let now = Instant::now();
    let mut record = Record::default();
    record.refused(1, now);
    assert!(record.is_over(1, now));
    numbered(&mut record, 2, now);
    record.refused(3, now);
    assert!(!record.is_over(2, now) && !record.is_over(3, now));
    assert!(record.is_over(3, now + BOUND));
}

#[test]
fn a_frame_that_is_not_committed_is_not_over_at_any_time() {
    let now = Instant::now();
    let mut record = Record::default();
    numbered(&mut record, 1, now);
    assert_eq!(record.over_at(2), None);
    assert!(!record.is_over(2, now + BOUND * 9));
    assert!(!record.is_committed(2) && record.is_committed(1));
}

#[test]
fn each_frame_takes_a_slot_until_all_of_it_was_told() {
    let now = Instant::now();
    let mut record = Record::default();
    assert!(!record.has_slot());
    assert!(record.set_slots(2));
    let serials = [1, 2].map(|id| {
        assert!(record.has_slot());
        record.committed(Some(id), report(Reader::Queue, 5), now, now)
    });
    assert!(!record.has_slot());
    assert!(!record.set_slots(1));
    assert!(record.set_slots(3) && record.has_slot());
    assert!(record.set_slots(2) && !record.has_slot());
    // Shown is not told.
    for serial in serials {
        record.shown(serial, shown(6));
    }
    assert!(!record.has_slot());
    let count = record.past(Reader::Queue, WHOLE, None, false, now);
    assert_eq!((count.0.len(), count.1), (2, false));
    assert!(!record.has_slot());
    let one = record.past(Reader::Queue, WHOLE, Some(1), false, now);
    assert_eq!((one.0[0].id, one.0.len(), one.1), (1, 1, true));
    assert!(record.has_slot());
    assert!(record.set_slots(1));
    assert_eq!(told(&mut record, WHOLE, now), [(2, vec![5, 6, 6], true)]);
    assert_eq!(told(&mut record, WHOLE, now), []);
    assert!(record.frames.is_empty());
}

#[test]
fn a_part_is_told_again_and_again_until_it_is_all() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    let first = record.committed(Some(1), report(Reader::Queue, 5), now, now);
    record.committed(Some(2), report(Reader::Queue, 0), now, now);
    assert_eq!(told(&mut record, WHOLE, now), []);
    for _ in 0..2 {
        assert_eq!(told(&mut record, PARTIAL, now), [(1, vec![5], false)]);
    }
    record.shown(first, shown(6));
    assert_eq!(told(&mut record, PARTIAL, now), [(1, vec![5, 6, 6], true)]);
    assert_eq!(told(&mut record, PARTIAL, now), []);
}

#[test]
fn frames_are_told_of_in_order_unless_another_one_will_do() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    let serials =
        [1, 2, 3].map(|id| record.committed(Some(id), report(Reader::Queue, 5), now, now));
    record.shown(serials[1], shown(6));
    assert_eq!(told(&mut record, WHOLE, now), []);
    assert_eq!(
        told(&mut record, ANY_ORDER, now),
        [(2, vec![5, 6, 6], true)]
    );
    record.discarded(serials[0]);
    record.shown(serials[2], shown(7));
    assert_eq!(
        told(&mut record, WHOLE, now),
        [(1, vec![5, 0, 0], true), (3, vec![5, 7, 7], true)]
    );
}

#[test]
fn what_nobody_hears_of_is_told_of_in_finite_time() {
    let start = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    record.committed(None, report(Reader::Queue, 5), start, start);
    let busy = PATIENCE - BOUND / 2;
    assert_eq!(told(&mut record, WHOLE, start + busy), []);
    assert_eq!(
        told(&mut record, WHOLE, start + PATIENCE),
        [(0, vec![5, 0, 0], true)]
    );
    // Where nobody looks.
    record.committed(None, report(Reader::Queue, 5), start, start);
    for (passed, many) in [(BOUND / 2, 0), (BOUND, 1)] {
        let (past, _) = record.past(Reader::Queue, WHOLE, Some(9), true, start + passed);
        assert_eq!(past.len(), many);
    }
}

#[test]
fn what_a_busy_compositor_shows_late_is_told() {
    let start = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    let serial = record.committed(Some(1), report(Reader::Queue, 5), start, start);
    // Nobody waits for it any longer.
    assert!(record.is_over(1, start + 2 * BOUND));
    assert_eq!(told(&mut record, WHOLE, start + 2 * BOUND), []);
    record.shown(serial, shown(6));
    assert_eq!(
        told(&mut record, WHOLE, start + 3 * BOUND),
        [(1, vec![5, 6, 6], true)]
    );
}

#[test]
fn no_frame_is_shown_before_it_is_committed() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    let serial = record.committed(Some(1), report(Reader::Queue, 5), now, now);
    let latency = record.shown(serial, shown(1)).unwrap();
    assert_eq!(latency.latency_ns, 5 - 3);
    assert_eq!(told(&mut record, WHOLE, now), [(1, vec![5, 5, 5], true)]);
}

#[test]
fn the_first_pixel_is_seen_only_if_the_hardware_says_so() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    let serial = record.committed(Some(1), report(Reader::Queue, 5), now, now);
    record.shown(
        serial,
        Shown {
            is_complete: false,
            ..shown(6)
        },
    );
    assert_eq!(told(&mut record, WHOLE, now), [(1, vec![5, 6, 0], true)]);
}

/// Some drivers wait for the rendering themselves, and give a fence that signalled when the system started.
#[test]
fn a_rendering_is_not_over_before_its_present_is_called() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    for (signalled, rendered) in [(2, 4), (3, 3), (9, 9)] {
        let serial = record.committed(Some(1), report(Reader::Queue, signalled), now, now);
        record.shown(serial, shown(10));
        let all = [(1, vec![rendered, 10, 10], true)];
        assert_eq!(told(&mut record, WHOLE, now), all);
    }
}

#[test]
fn only_stages_that_were_asked_for_are_told() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    for (stage, known) in [
        (Stage::Rendered, vec![5]),
        (Stage::Dequeued, vec![0]),
        (Stage::PixelOut, vec![6]),
    ] {
        let asked = report(Reader::Queue, 5).map(|report| Report {
            stages: Stages::that(|one| one == stage),
            ..report
        });
        let serial = record.committed(Some(1), asked, now, now);
        record.shown(serial, shown(6));
        assert_eq!(told(&mut record, WHOLE, now), [(1, known, true)]);
    }
}

#[test]
fn a_stage_of_which_nobody_is_told_has_a_time_of_none() {
    let now = Instant::now();
    let mut record = Record::default();
    record.set_slots(9);
    let all = |fence| {
        report(Reader::Queue, fence).map(|report| Report {
            stages: Stages::that(|_| true),
            ..report
        })
    };
    let first = record.committed(Some(1), all(5), now, now);
    record.committed(Some(2), all(0), now, now);
    assert_eq!(told(&mut record, WHOLE, now), []);
    assert_eq!(told(&mut record, PARTIAL, now), [(1, vec![5, 0], false)]);
    record.shown(first, shown(6));
    assert_eq!(told(&mut record, WHOLE, now), [(1, vec![5, 0, 6, 6], true)]);
}

#[test]
fn a_history_that_nobody_reads_has_a_bound() {
    let now = Instant::now();
    let mut record = Record::default();
    for id in 1..=1000 {
        let serial = record.committed(Some(id), report(Reader::History, 5), now, now);
        record.shown(serial, shown(6));
    }
    assert_eq!(record.frames.len(), HISTORY);
    assert!(record.set_slots(0));
    let (past, _) = record.past(Reader::History, ANY_ORDER, Some(999), false, now);
    assert_eq!(past[0].id, 1001 - HISTORY as u64);
    assert!(record.frames.is_empty());
}

#[test]
fn a_relative_target_counts_from_when_the_frame_before_was_shown() {
    let now = Instant::now();
    let mut record = Record::default();
    let after = |nearest| Target {
        time: Time::After(40),
        nearest,
    };
    assert_eq!(record.not_before(after(false), 10), None);
    let serial = numbered(&mut record, 1, now);
    record.expect(100);
    assert_eq!(record.not_before(after(false), 10), Some(140));
    assert_eq!(record.not_before(after(true), 10), Some(135));
    record.shown(serial, shown(107));
    assert_eq!(record.not_before(after(false), 10), Some(147));
    // News of another frame than the last moves nothing.
    numbered(&mut record, 2, now);
    record.expect(200);
    record.shown(serial, shown(300));
    assert_eq!(record.newest(), Some(200));
    let at = Target {
        time: Time::At(1000),
        nearest: true,
    };
    assert_eq!(record.not_before(at, 10), Some(995));
    assert_eq!(record.not_before(at, 0), Some(1000));
}

#[test]
fn of_the_last_frame_something_is_heard_until_it_is_over() {
    let start = Instant::now();
    for over in [
        |record: &mut Record, serial| {
            record.shown(serial, Shown::default());
        },
        |record: &mut Record, serial| record.discarded(serial),
        |record: &mut Record, serial| record.over(serial),
    ] {
        let mut record = Record::default();
        assert_eq!(record.newest_unheard_until(), None);
        for frame in 0..3 {
            let at = start + frame * BOUND;
            let serial = record.committed(None, None, at, at);
            record.expect(7);
            assert_eq!(record.newest_unheard_until(), Some(at + BOUND));
            over(&mut record, serial);
            assert_eq!(record.newest_unheard_until(), None);
        }
    }
}

#[test]
fn an_observed_frame_is_told_of_when_it_was_shown_and_kept_no_longer() {
    use crate::observe::latency::Blame;
    let now = Instant::now();
    let mut record = Record::default();
    let serials = [0, 9, 9].map(|fence| {
        let observed = report(Reader::Nobody, fence).map(|report| Report {
            target: Some(10),
            ..report
        });
        record.committed(None, observed, now, now)
    });
    let refreshing = |at| Shown {
        refresh: 10,
        ..shown(at)
    };
    // It counts although a later one was shown before.
    record.discarded(serials[1]);
    let late = record.shown(serials[0], refreshing(35)).unwrap();
    assert_eq!((late.latency_ns, late.missed), (32, 2));
    // Its rendering is not known to be over.
    assert_eq!(late.blame, Some(Blame::Pace));
    let next = record.shown(serials[2], refreshing(45)).unwrap();
    assert_eq!((next.latency_ns, next.missed, next.blame), (42, 0, None));
    assert_eq!(record.shown(serials[2], refreshing(45)), None);
    assert!(record.frames.is_empty());
    let sum = record.latencies();
    assert_eq!((sum.shown, sum.late, sum.max_ns), (2, 1, 42));
    record.committed(None, report(Reader::Nobody, 9), now, now);
    assert!(!record.is_over(1, now + BOUND));
    assert_eq!(record.frames.len(), 1);
    assert!(!record.is_over(1, now + PATIENCE));
    assert!(record.frames.is_empty());
}

/// A descriptor is kept no longer than it can say something.
#[test]
fn the_fence_of_a_frame_goes_when_its_fate_is_known() {
    let start = Instant::now();
    for fate in [
        |record: &mut Record, serial| {
            record.shown(serial, shown(6));
        },
        |record: &mut Record, serial| record.discarded(serial),
        |record: &mut Record, _| assert!(!record.is_over(1, Instant::now() + 2 * BOUND)),
    ] {
        let mut record = Record::default();
        let serial = record.committed(None, report(Reader::History, 5), start, start);
        let keeps = |record: &Record| {
            let report = record.frames[0].report.as_ref().unwrap();
            matches!(report.rendered, Rendered::Fence(_))
        };
        assert!(keeps(&record));
        fate(&mut record, serial);
        assert!(!keeps(&record));
    }
}
