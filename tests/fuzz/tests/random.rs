//! The corpus, and some seconds of random stories, on any machine.

mod explore;

use std::time::Duration;

use explore::explore;
use wayfence_fuzz::replay::{self, target};

/// For each target.
const WITHIN: Duration = Duration::from_secs(2);

fn play(name: &str) {
    let target = target(name);
    replay::all(name, target.play);
    explore(name, WITHIN, target.play);
}

#[test]
fn feedback() {
    play("feedback");
}

#[test]
fn frames() {
    play("frames");
}

#[test]
fn chains() {
    play("chains");
}

#[test]
fn report() {
    play("report");
}

#[test]
fn trace() {
    play("trace");
}

#[test]
fn live() {
    play("live");
}
