//! What is to be known before a figure is believed: where others used the machine, and where servers failed
//! at times. Where one failed each time stands in its row.

use super::model::{Row, Scenario};

/// All of it, a line each.
pub(super) fn warnings(scenarios: &[Scenario]) -> Vec<String> {
    let rows = || scenarios.iter().flat_map(|scenario| &scenario.rows);
    let measured = rows().filter(|row| row.failed.is_none()).count();
    let disturbed = rows().filter(|row| row.disturbed).count();
    let disturbance = (disturbed > 0).then(|| {
        format!(
            "others used the machine while {disturbed} of {measured} rows were measured, which are \
             marked: repeat it while nothing else runs"
        )
    });
    let failures = scenarios.iter().flat_map(|scenario| {
        let some = scenario.rows.iter().filter(|row| row.failed.is_none() && row.failed_slices > 0);
        some.map(|row| failed(scenario, row))
    });
    disturbance.into_iter().chain(failures).collect()
}

fn failed(scenario: &Scenario, row: &Row) -> String {
    let (failed, all) = (row.failed_slices, row.slices + row.failed_slices);
    let reason = row.first_failure.as_deref().unwrap_or("no reason given");
    format!(
        "{} failed in {failed} of {all} slices of \u{201c}{}\u{201d}, so that it is not compared there: \
         {reason}",
        row.server, scenario.title
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::sample;

    #[test]
    fn what_was_disturbed_and_who_failed_at_times_is_told() {
        let mut report = sample::full();
        report.scenarios.truncate(1);
        let rows = &mut report.scenarios[0].rows;
        rows.truncate(2);
        for row in rows.iter_mut() {
            row.disturbed = false;
        }
        assert_eq!(warnings(&report.scenarios), [""; 0]);
        let rows = &mut report.scenarios[0].rows;
        rows[0].disturbed = true;
        rows[1].failed_slices = 1;
        rows[1].first_failure = Some("it went away".to_owned());
        let [disturbance, failure] = &warnings(&report.scenarios)[..] else { panic!("two") };
        assert!(disturbance.contains("1 of 2 rows"), "{disturbance}");
        assert!(failure.contains("epoll failed in 1 of ") && failure.ends_with("it went away"));
    }
}
