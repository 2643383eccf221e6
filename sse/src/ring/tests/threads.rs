//! Every scenario, many times over, on real threads.

use super::test_every_scenario;

const ROUNDS: usize = if cfg!(miri) { 3 } else { 300 };

fn repeatedly(scenario: fn()) {
    for _ in 0..ROUNDS {
        scenario();
    }
}

test_every_scenario!(repeatedly, repeatedly);
