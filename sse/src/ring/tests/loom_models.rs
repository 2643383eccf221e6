//! Every scenario, in all that can happen with up to three preemptions, or two where three take
//! too long. `LOOM_MAX_PREEMPTIONS` overrides both.
//!
//! What these models cannot tell: loom lets `SeqCst` fences synchronize with each other, so a
//! Release or Acquire that such fences happen to cover may be weakened unnoticed (the Release of
//! the cursor in `Seat::leave` is one). Those are justified by reasoning, beside the code.

use super::test_every_scenario;

fn small(scenario: fn()) {
    model(3, scenario);
}

fn large(scenario: fn()) {
    model(2, scenario);
}

fn model(preemptions: usize, scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(scenario);
}

test_every_scenario!(small, large);
