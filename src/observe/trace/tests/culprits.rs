//! Who held a program up.

use super::super::event::{Fences, What};
use super::super::scribe::FencesOf;
use super::super::*;
use super::story::{MS, REFRESH, START, Story, every_other_refresh, no_image, pace};

#[test]
fn a_display_that_keeps_its_pace_is_no_culprit() {
    // Before its first frame the compositor holds nothing for which one could wait.
    for (waited, in_all) in [(pace(12 * MS), "240"), (no_image(12 * MS), "228")] {
        let mut story = Story::new("FIFO", "implicit");
        for frame in 0..20 {
            let begin = frame * REFRESH;
            story.frame(begin, waited, begin + REFRESH, begin + 2 * REFRESH);
        }
        let summary = story.summary();
        assert_eq!(summary.culprit, Culprit::Display, "{summary}");
        let expected =
            format!("Nothing held you up but the pace of the display: you waited {in_all}.000 ms");
        assert!(summary.verdict.starts_with(&expected), "{summary}");
    }
}

#[test]
fn a_compositor_that_is_slower_than_its_display_is_named() {
    let summary = every_other_refresh("FIFO", pace(20 * MS)).summary();
    assert_eq!(summary.culprit, Culprit::CompositorPace, "{summary}");
    assert!(
        summary.verdict.starts_with(
            "The compositor (sway) held you up: you waited 400.000 ms in all for it to begin with the \
             frame before; 19 refreshes of 39 showed nothing new."
        ),
        "{summary}"
    );
}

#[test]
fn a_compositor_that_holds_the_images_is_named() {
    let mut story = every_other_refresh("MAILBOX", no_image(20 * MS));
    // It holds one more, all the time.
    story.tell_of(
        0,
        1,
        0,
        What::Committed {
            rendering: Fences::None,
            handed: 0,
            paced: 0,
        },
    );
    let summary = story.summary();
    assert_eq!(summary.culprit, Culprit::Compositor, "{summary}");
    // Committed at 21 ms, released at 33.3 ms.
    assert!(
        summary.verdict.starts_with(
            "The compositor (sway) held your images, for 12.333 ms (0.7 refreshes) at the median and \
             12.333 ms at worst: you waited 400.000 ms in all for one to come free."
        ),
        "{summary}"
    );
}

#[test]
fn an_application_that_holds_all_images_is_named() {
    let mut story = Story::new("FIFO", "implicit");
    story.tell_of(
        0,
        0,
        100 * MS,
        What::NotAcquired {
            called: START,
            waited: no_image(100 * MS).acquire,
        },
    );
    story.frame(100 * MS, no_image(0), 110 * MS, 120 * MS);
    let summary = story.summary();
    assert_eq!(summary.culprit, Culprit::Application, "{summary}");
    assert!(summary.verdict.contains("You held all images yourself"));
}

/// Two frames of image 0, of which the first comes back with a fence.
fn fenced(name: (&str, &str), signalled: Option<u64>, own: bool) -> Summary {
    let mut story = Story::new("FIFO", "explicit");
    story.frame(0, pace(0), 10 * MS, 20 * MS);
    if own {
        story.fence(FencesOf::Rendering, MS, name, signalled);
    }
    story.fence(FencesOf::Release, 20 * MS, name, signalled);
    story.frame(21 * MS, pace(0), 200 * MS, 210 * MS);
    story.summary()
}

#[test]
fn a_fence_that_holds_an_image_is_named() {
    let summary = fenced(("vgem", "unbound"), Some(100 * MS), false);
    assert_eq!(summary.culprit, Culprit::Fences, "{summary}");
    assert_eq!(summary.own_writes_ns, 0);
    assert_eq!(summary.fences_after_acquire.max_ns, 79 * MS);
    assert_eq!(
        summary.verdict,
        "The fence of vgem unbound held your images after the compositor (sway) had released them, \
         1 of them, for 80.000 ms (4.8 refreshes) at worst: you waited 79.000 ms in all for it. \
         No image came back with an unfinished write of your own driver's."
    );
}

#[test]
fn ones_own_write_is_told_from_others() {
    let summary = fenced(("drm_sched", "gfx"), Some(100 * MS), true);
    assert_eq!(summary.own_writes_ns, 80 * MS);
    assert!(
        summary.verdict.ends_with(
            "Images came back with unfinished writes of your own driver's, for 80.000 ms in all."
        ),
        "{summary}"
    );
}

#[test]
fn a_fence_that_never_signalled_counts_to_the_end() {
    let summary = fenced(("vgem", "unbound"), None, false);
    assert_eq!(summary.culprit, Culprit::Fences, "{summary}");
    let [fence] = &summary.fences[..] else {
        panic!("{summary}")
    };
    assert_eq!((fence.pending, fence.signalled), (1, 0));
    assert!(fence.pending_ns > 0);
}

/// Where a release is found when somebody looks, its fence knows better when it was.
#[test]
fn a_release_that_is_found_late_counts_from_its_fence() {
    let mut story = Story::new("FIFO", "syncobj");
    story.frame(0, pace(0), 10 * MS, 50 * MS);
    story.fence(FencesOf::Release, 50 * MS, ("drm", "sway"), Some(20 * MS));
    assert_eq!(story.summary().held_by_compositor.max_ns, 19 * MS);
    // The kernel's stub may be as old as the boot.
    let mut story = Story::new("FIFO", "syncobj");
    story.frame(0, pace(0), 10 * MS, 50 * MS);
    let of = FencesOf::Release;
    story.fence(of, 50 * MS, ("stub", "stub"), Some(0));
    assert_eq!(story.summary().held_by_compositor.max_ns, 49 * MS);
}

#[test]
fn a_driver_that_takes_its_time_is_named() {
    let mut story = Story::new("FIFO", "implicit");
    story.frame(0, pace(0), 10 * MS, 20 * MS);
    story.tell(
        0,
        60 * MS,
        What::Presented {
            called: START + 10 * MS,
            cpu_waits: 3,
        },
    );
    let summary = story.summary();
    assert_eq!(summary.culprit, Culprit::Driver, "{summary}");
    assert_eq!(summary.cpu_waits, 3);
    assert!(summary.verdict.contains("50.000 ms"), "{summary}");
}

#[test]
fn who_never_waits_has_nobody_to_blame() {
    let summary = every_other_refresh("MAILBOX", pace(0)).summary();
    assert_eq!(summary.culprit, Culprit::Nobody);
    assert!(summary.verdict.starts_with("Nothing held you up. "));
}
