//! The figures, and the words around them.

use super::super::event::What;
use super::super::scribe::FencesOf;
use super::super::*;
use super::story::{MS, REFRESH, Story, every_other_refresh, no_image, pace};
use crate::observe::latency::{Blame, Latency};
use crate::wayland::colour::Volume;

#[test]
fn colours_are_told_where_they_are_not_the_usual_ones() {
    let plain = Story::new("FIFO", "implicit").summary();
    assert_eq!(plain.colours, ["SRGB_NONLINEAR"]);
    assert!(!plain.to_string().contains("colours"), "{plain}");
    let mut story = Story::new("FIFO", "implicit");
    for greatest in [1000, 600] {
        story.tell(
            0,
            0,
            What::Metadata(Box::new(Volume {
                luminance: Some((50, greatest)),
                ..Volume::default()
            })),
        );
    }
    let row = "colours                 SRGB_NONLINEAR, mastered for 0.005 to 600 cd/m²\n";
    let summary = story.summary().to_string();
    assert!(summary.contains(row), "{summary}");
}

#[test]
fn times_are_told_by_percentiles() {
    let mut story = Story::new("MAILBOX", "implicit");
    for frame in 0..100 {
        let begin = frame * REFRESH;
        let wait = no_image((frame + 1) * 10_000);
        story.frame(begin, wait, begin + 8 * MS, begin + 10 * MS);
    }
    let summary = story.summary();
    let Percentiles {
        count,
        p50_ns,
        p90_ns,
        p99_ns,
        max_ns,
    } = summary.acquire;
    assert_eq!(
        (count, p50_ns, p90_ns, p99_ns, max_ns),
        (100, 500_000, 900_000, 990_000, 1_000_000)
    );
    assert_eq!(summary.present.p50_ns, 2000);
    assert_eq!(summary.commit_to_shown.max_ns, 8 * MS - MS - 10_000);
    assert_eq!(summary.present_to_shown.max_ns, 8 * MS - MS - 9_000);
    // The first is released before the second is acquired, and so on: from 10 ms to the refresh.
    assert_eq!(summary.release_to_acquire.count, 99);
    assert_eq!(
        summary.release_to_acquire.max_ns,
        REFRESH - 10 * MS + 1_000_000
    );
    assert_eq!((summary.presented, summary.shown), (100, 100));
    assert_eq!(summary.missed_refreshes, 0);
    assert_eq!(summary.refresh_ns, REFRESH);
}

#[test]
fn refreshes_are_counted_by_time_or_by_their_numbers() {
    let story = every_other_refresh("FIFO", pace(0));
    assert_eq!(story.summary().missed_refreshes, 19);
    let mut story = Story::new("FIFO", "implicit");
    for (frame, sequence) in [(1, 100), (2, 101), (3, 105)] {
        story.frame = frame;
        let what = What::Shown {
            refresh: REFRESH as u32,
            sequence,
            latency: None,
        };
        // Late by any clock: the numbers count.
        story.tell(0, frame * 100 * MS, what);
    }
    assert_eq!(story.summary().missed_refreshes, 3);
}

#[test]
fn the_summary_says_what_a_person_asks() {
    let mut story = Story::new("FIFO", "explicit");
    for (frame, missed) in [(0, 0), (1, 2), (2, 0)] {
        let begin = frame * REFRESH;
        story.latency = Some(Latency {
            latency_ns: 15 * MS,
            target_ns: None,
            missed,
            blame: (missed > 0).then_some(Blame::Gpu),
        });
        story.frame(begin, pace(8 * MS), begin + REFRESH, begin + 16 * MS);
    }
    let commit = 2 * REFRESH + 9 * MS;
    story.fence(
        FencesOf::Rendering,
        commit,
        ("gpu", "ring"),
        Some(commit + 3 * MS),
    );
    story.fence(
        FencesOf::Release,
        60 * MS,
        ("vgem", "unbound"),
        Some(62 * MS),
    );
    story.frame += 1;
    story.tell(0, 70 * MS, What::Discarded);
    let expected = "\
application             vkcube (process 42)
compositor              sway
swapchains              1, FIFO, explicit
frames                  3 presented in 0.042 s: 3 shown, 0 discarded, 0 unknown

milliseconds                    p50         p90         p99         max
acquire                       0.000       0.000       0.000       0.000
present                       8.002       8.002       8.002       8.002
release to acquire            0.667       0.667       0.667       0.667
held by the compositor        7.000       7.000       7.000       7.000
commit to shown               7.667       7.667       7.667       7.667
present to shown             15.668      15.668      15.668      15.668
fences after acquire           none
drawn after commit            3.000       3.000       3.000       3.000

missed refreshes        0 of 3, one every 16.667 ms
late frames             1 of 3 shown; 2 refreshes missed, 2 at most: 0 kept by the pace, 1 by the GPU, \
0 presented late
waits on the CPU        0
fences of releases      vgem unbound: 0 had signalled, 1 had not for up to 12.667 ms
fences of renderings    gpu ring: 0 had signalled, 1 had not for up to 3.000 ms
dropped events          0

Nothing held you up but the pace of the display: you waited 24.000 ms in all for it, and it showed 3 \
frames in 3 refreshes. No image came back with an unfinished write of your own driver's.
";
    assert_eq!(story.summary().to_string(), expected);
}
