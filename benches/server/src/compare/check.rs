//! Whether the load that is part of this program and another load generator agree on what a server can
//! do. Runs neither: that is done in `attempt` and in `wrk`.

use super::figures::{percent, trimmed};
use super::model::{Check, Report, Row};

/// Figures that differ by more, as a share of the other's, do not agree.
const MOST_APART: f64 = 0.1;

/// A tool that used this share of its core could not ask for more …
const TOOL_IS_BUSY: f64 = 0.95;

/// … and a server that used less than this of its own could have done more.
const SERVER_IS_BUSY: f64 = 0.97;

/// How the figure of a row stands to the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    Agrees,
    /// It could not ask for more, and the server was asked for more here: not to be compared.
    ToolWasTheLimit,
    Differs,
}

/// How many of them stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) tool: String,
    pub(crate) all: usize,
    pub(crate) agree: usize,
    pub(crate) tool_was_the_limit: usize,
    pub(crate) differ: usize,
    /// Those of them where others used the machine, which may be why.
    pub(crate) disturbed: usize,
}

impl Row {
    /// Whether others used the machine while its throughput was measured, or checked.
    pub(crate) fn check_was_disturbed(&self) -> bool {
        self.checked.as_ref().is_some_and(|check| check.disturbed || self.disturbed)
    }

    /// How its throughput stands to what was found in the check. None where either is no positive
    /// number, or there was none.
    pub(crate) fn agreement(&self) -> Option<Agreement> {
        agreement(self.throughput?.median, self.checked.as_ref()?)
    }
}

fn agreement(ours: f64, check: &Check) -> Option<Agreement> {
    let theirs = check.throughput;
    let sound = |value: f64| value.is_finite() && value > 0.0;
    if !sound(ours) || !sound(theirs) {
        return None;
    }
    let could_not_ask =
        check.tool_core_share >= TOOL_IS_BUSY && check.server_core_share < SERVER_IS_BUSY;
    Some(if (ours - theirs).abs() <= MOST_APART * theirs {
        Agreement::Agrees
    } else if could_not_ask && ours > theirs {
        Agreement::ToolWasTheLimit
    } else {
        Agreement::Differs
    })
}

impl Summary {
    /// `9 of 12 figures agree within 10 %`, and what became of the others.
    pub(crate) fn counts(&self) -> String {
        let Self { tool, all, agree, tool_was_the_limit, differ, disturbed } = self;
        let tool = tool.split(' ').next().unwrap_or(tool);
        let within = trimmed(&percent(MOST_APART));
        let agreeing = format!("{agree} of {all} figures agree within {within}");
        let limited = (*tool_was_the_limit > 0)
            .then(|| format!("in {tool_was_the_limit} {tool} was the limit"));
        let differing = match differ {
            0 => None,
            1 => Some("1 differs".to_owned()),
            _ => Some(format!("{differ} differ")),
        };
        let parts = [Some(agreeing), limited, differing];
        let words = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        match disturbed {
            0 => words,
            _ => format!("{words}, in {disturbed} of which others used the machine"),
        }
    }
}

/// All checks of a report. None where there is none.
pub(crate) fn summary(report: &Report) -> Option<Summary> {
    let rows = || report.scenarios.iter().flat_map(|scenario| &scenario.rows);
    let tool = rows().find_map(|row| row.checked.as_ref()).map(|check| check.tool.clone())?;
    let mut summary = Summary { tool, ..Summary::default() };
    for (row, agreement) in rows().filter_map(|row| Some((row, row.agreement()?))) {
        let differs = agreement == Agreement::Differs;
        summary.disturbed += usize::from(differs && row.check_was_disturbed());
        summary.all += 1;
        *match agreement {
            Agreement::Agrees => &mut summary.agree,
            Agreement::ToolWasTheLimit => &mut summary.tool_was_the_limit,
            Agreement::Differs => &mut summary.differ,
        } += 1;
    }
    Some(summary)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn found(throughput: f64, tool: f64, server: f64) -> Check {
        Check {
            tool: "wrk 4.1.0".to_owned(),
            throughput,
            cpu_nanos_per_event: None,
            tool_core_share: tool,
            server_core_share: server,
            disturbed: false,
        }
    }

    #[test]
    fn figures_within_a_tenth_of_the_others_agree() {
        for (ours, expected) in [
            (89.9, Agreement::Differs),
            (90.0, Agreement::Agrees),
            (110.0, Agreement::Agrees),
            (110.1, Agreement::Differs),
        ] {
            assert_eq!(agreement(ours, &found(100.0, 0.9, 0.9)), Some(expected), "{ours}");
        }
        let agrees = agreement(110.0, &found(100.0, 1.0, 0.5));
        assert_eq!(agrees, Some(Agreement::Agrees), "whoever was the limit");
    }

    #[test]
    fn a_tool_that_used_its_core_up_before_the_server_did_was_the_limit() {
        for (tool, server, expected) in [
            (0.95, 0.969, Agreement::ToolWasTheLimit),
            (0.949, 0.969, Agreement::Differs),
            (0.95, 0.97, Agreement::Differs),
        ] {
            let agreement = agreement(140.0, &found(100.0, tool, server));
            assert_eq!(agreement, Some(expected), "{tool} {server}");
        }
    }

    #[test]
    fn a_tool_that_found_more_was_no_limit() {
        assert_eq!(agreement(80.0, &found(100.0, 1.0, 0.5)), Some(Agreement::Differs));
    }

    #[test]
    fn what_is_no_number_neither_agrees_nor_differs() {
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(agreement(odd, &found(100.0, 0.9, 0.9)), None, "{odd}");
            assert_eq!(agreement(100.0, &found(odd, 0.9, 0.9)), None, "{odd}");
        }
        assert_eq!(agreement(100.0, &found(100.0, f64::NAN, 0.9)), Some(Agreement::Agrees));
        assert_eq!(agreement(200.0, &found(100.0, f64::NAN, 0.9)), Some(Agreement::Differs));
    }

    #[test]
    fn a_difference_may_come_from_others_who_used_the_machine() {
        let mut report = sample::full();
        let disturbed = |report: &Report| summary(report).unwrap().disturbed;
        assert_eq!(disturbed(&report), 0, "where figures agree nothing is to be explained");
        let rows = &mut report.scenarios[0].rows;
        let differs = rows.iter_mut().find(|row| row.agreement() == Some(Agreement::Differs));
        differs.unwrap().disturbed = true;
        assert_eq!(disturbed(&report), 1, "while it was measured");
        let rows = &mut report.scenarios[1].rows;
        let differs = rows.iter_mut().find(|row| row.agreement() == Some(Agreement::Differs));
        differs.unwrap().checked.as_mut().unwrap().disturbed = true;
        assert_eq!(disturbed(&report), 2, "while it was checked");
    }

    #[test]
    fn a_summary_counts_each_check_once() {
        let summary = summary(&sample::full()).unwrap();
        assert_eq!(summary.tool, "wrk 4.1.0");
        let Summary { all, agree, tool_was_the_limit, differ, .. } = summary;
        assert_eq!((all, agree, tool_was_the_limit, differ), (12, 6, 3, 3));
        let words = "6 of 12 figures agree within 10 %; in 3 wrk was the limit; 3 differ";
        assert_eq!(summary.counts().replace('\u{a0}', " "), words);
        let disturbed = Summary { disturbed: 2, ..summary.clone() };
        assert!(disturbed.counts().ends_with("3 differ, in 2 of which others used the machine"));
        let one = Summary { tool_was_the_limit: 0, differ: 1, ..summary.clone() };
        assert!(one.counts().ends_with("; 1 differs"));
        let none = Summary { tool_was_the_limit: 0, differ: 0, ..summary };
        let words = "6 of 12 figures agree within 10 %";
        assert_eq!(none.counts().replace('\u{a0}', " "), words);
        assert_eq!(super::summary(&sample::empty()), None);
    }
}
