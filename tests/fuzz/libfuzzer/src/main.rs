//! libFuzzer on the target that `WAYFENCE_FUZZ_TARGET` names. `scripts/fuzz` builds and runs it.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use wayfence_fuzz::{Target, replay};

fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("WAYFENCE_FUZZ_TARGET").expect("WAYFENCE_FUZZ_TARGET is set");
        replay::target(&name)
    });
    (target.play)(bytes);
});
