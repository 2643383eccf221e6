//! That all questions can be put, in the time that there is.

use super::*;

fn seconds(quick: bool) -> f64 {
    let round = |plan: Plan| (0..plan.slices).map(|_| plan.seconds).sum::<f64>();
    all(quick, None).into_iter().map(round).sum()
}

#[test]
fn three_engines_and_the_first_again_fit_into_two_minutes_or_half_an_hour() {
    assert!(4.0 * seconds(true) < 100.0, "{}", seconds(true));
    assert!(4.0 * seconds(false) < 1_500.0, "{}", seconds(false));
}

#[test]
fn each_question_has_a_name_of_its_own_and_says_how_it_is_answered() {
    for quick in [true, false] {
        let plans = all(quick, None);
        let mut ids: Vec<&str> = plans.iter().map(|plan| plan.scenario.id.as_str()).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        let is_name = |id: &&str| id.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
        assert!(ids.iter().all(is_name), "{ids:?}");
        assert!(plans.iter().all(|plan| plan.scenario.how.ends_with('.')));
    }
}

#[test]
fn loads_and_servers_are_started_with_flags_that_they_know() {
    use crate::cli::Cli;
    use clap::Parser;
    for plan in [all(true, None), all(false, None)].concat() {
        let program = || std::iter::once("bench-server".to_owned());
        let counted = plan.counted.iter().flat_map(|counted| &counted.loads);
        for words in [&plan.load, &plan.server_flags].into_iter().chain(counted) {
            let parsed = Cli::try_parse_from(program().chain(words.iter().cloned()));
            assert!(parsed.is_ok(), "{}: {:?}", plan.scenario.id, parsed.err());
        }
    }
}
