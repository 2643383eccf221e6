//! That all questions can be put, in the time that there is.

use super::*;

fn seconds(quick: bool) -> f64 {
    let round =
        |plan: Plan| (0..plan.slices).map(|_| plan.seconds).sum::<f64>() + plan.check_seconds();
    all(quick, None).into_iter().map(round).sum()
}

#[test]
fn three_engines_and_the_first_again_fit_into_two_minutes_or_half_an_hour() {
    assert!(4.0 * seconds(true) < 104.0, "{}", seconds(true));
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

#[test]
fn what_is_asked_flat_out_is_checked_with_the_same_path_depth_and_time() {
    let checked = |quick, measured| -> Vec<(String, &'static str, usize, u64, bool)> {
        let plans = all(quick, measured).into_iter();
        let check = |plan: Plan| {
            let Checked { path, depth, seconds, first_only } = plan.checked?;
            Some((plan.scenario.id, path, depth, seconds, first_only))
        };
        plans.filter_map(check).collect()
    };
    let of = |id: &str, path, depth, seconds| (id.to_owned(), path, depth, seconds, false);
    let full = [
        of("plaintext", "/plaintext", 1, 2),
        of("pipelined", "/plaintext", 16, 2),
        of("json", "/json", 1, 2),
    ];
    assert_eq!(checked(false, None), full);
    assert_eq!(checked(true, None), [("plaintext".to_owned(), "/plaintext", 1, 1, true)]);
    let longer = checked(true, Some(Duration::from_millis(2_100)));
    assert_eq!(longer[0].3, 3, "never shorter than what it is compared with");
}
