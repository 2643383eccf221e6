//! Engines against each other: one random script of what clients do is played on each, and whatever a
//! client can see must be the same. What may happen in a script is in `steps`, how it is played in
//! `play`.
//!
//! `SCRIPT_SEED` plays the script of one seed instead of the usual ones, and `SCRIPT_STEPS` sets how
//! long scripts are. A shorter script is the beginning of a longer one with the same seed.

mod asks;
mod play;
mod steps;

use headwater::Engine;
use std::ops::Range;
use std::str::FromStr;
use steps::Step;

const SEEDS: Range<u64> = 0..8;
const STEPS: usize = 80;

/// What clients do.
struct Script {
    seed: u64,
    steps: Vec<Step>,
}

#[test]
fn engines_cannot_be_told_apart_by_their_clients() {
    let seeds = setting("SCRIPT_SEED").map_or(SEEDS, |seed: u64| seed..seed + 1);
    let steps = setting("SCRIPT_STEPS").unwrap_or(STEPS);
    let [reference, others @ ..] = Engine::compiled() else { unreachable!("std is always there") };
    for seed in seeds {
        let script = Script { seed, steps: steps::write(seed, steps) };
        let expected = play::play(*reference, &script);
        for engine in others {
            let seen = play::play(*engine, &script);
            for (at, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
                // What follows the last step is the end of everything.
                let step = script.steps.get(at);
                assert_eq!(seen, expected, "{engine} and {reference}, seed {seed}, {at}: {step:?}");
            }
            assert_eq!(seen.len(), expected.len(), "{engine} and {reference}, seed {seed}");
        }
    }
}

/// A number from the environment.
fn setting<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number that fits")))
}
