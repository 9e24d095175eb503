//! Random stories, for a while.

use std::env;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use wayfence_fuzz::replay::{PATIENCE, corpus};
use wayfence_tests::watchdog::Watchdog;

/// The seed of an ordinary run, which is to find tomorrow what it found today.
const USUAL_SEED: u64 = 1;

/// Plays random stories, half of them those of the corpus with some bytes changed, and prints how many. For
/// `WAYFENCE_FUZZ_SECONDS`, then of a new seed, which is printed, or for this long, of the usual one; of
/// `WAYFENCE_FUZZ_SEED`, if that is set.
///
/// # Panics
/// If one panics, with the shortest story that was found to do so.
pub fn explore(name: &str, within: Duration, play: impl Fn(&[u8])) {
    let seed: u64 = match env::var("WAYFENCE_FUZZ_SEED") {
        Ok(seed) => seed.parse().expect("WAYFENCE_FUZZ_SEED is a number"),
        Err(_) if env::var_os("WAYFENCE_FUZZ_SECONDS").is_some() => {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
            now.expect("a clock").subsec_nanos().into()
        }
        Err(_) => USUAL_SEED,
    };
    let within = match env::var("WAYFENCE_FUZZ_SECONDS") {
        Ok(seconds) => {
            Duration::from_secs(seconds.parse().expect("WAYFENCE_FUZZ_SECONDS is a number"))
        }
        Err(_) => within,
    };
    eprintln!("{name}: WAYFENCE_FUZZ_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let kept: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
    let edits = vec((any::<Index>(), any::<u8>()), 0..8);
    let strategy = prop_oneof![
        vec(any::<u8>(), 0..600),
        (select(kept), edits).prop_map(|(mut bytes, edits)| {
            for (at, byte) in edits {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes
        }),
    ];
    let begin = Instant::now();
    let mut stories = 0_u64;
    while begin.elapsed() < within {
        let tree = strategy.new_tree(&mut runner).expect("any bytes will do");
        let told = runner.run_one(tree, |bytes| {
            let _watchdog = Watchdog::new(PATIENCE, "a random story");
            play(&bytes);
            Ok(())
        });
        match told {
            Ok(_) => stories += 1,
            Err(TestError::Fail(reason, bytes)) => {
                let path = env::temp_dir().join(format!("wayfence-fuzz-{name}"));
                let kept = std::fs::write(&path, &bytes);
                panic!(
                    "{name}, seed {seed}, story {stories}: {reason}\nof {bytes:?} ({}: {kept:?})",
                    path.display()
                );
            }
            Err(abort) => panic!("{abort}"),
        }
    }
    println!(
        "{name}: {stories} stories in {:?}, seed {seed}",
        begin.elapsed()
    );
}
