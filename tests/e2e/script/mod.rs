//! Engines against each other: one random script of what clients do is played on each, and whatever a
//! client can see must be the same. What may happen in a script is in `steps`, how it is played in
//! `play`.

mod play;
mod steps;

use headwater::Engine;

const SCRIPTS: u64 = 8;
const STEPS: usize = 80;

#[test]
fn engines_cannot_be_told_apart_by_their_clients() {
    let [reference, others @ ..] = Engine::compiled() else { unreachable!("std is always there") };
    for seed in 0..SCRIPTS {
        let script = steps::write(seed, STEPS);
        let expected = play::play(*reference, &script);
        for engine in others {
            let seen = play::play(*engine, &script);
            for (at, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
                // What follows the last step is the end of everything.
                let step = script.get(at);
                assert_eq!(seen, expected, "{engine} and {reference}, seed {seed}, {at}: {step:?}");
            }
            assert_eq!(seen.len(), expected.len());
        }
    }
}
