//! Every scenario, in every order of events that up to two preemptions (or `LOOM_MAX_PREEMPTIONS`)
//! can make.

use super::test_every_scenario;

fn model(scenario: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.check(scenario);
}

test_every_scenario!(model);
