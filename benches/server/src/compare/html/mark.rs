//! The signs beside figures, and what they mean.

use maud::{Markup, html};

use crate::compare::model::Scenario;

/// What a reader must know of one figure or row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Limited,
    Disturbed,
}

impl Mark {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Limited => "≥",
            Self::Disturbed => "†",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Limited => "the load used its core up: the server may be capable of more",
            Self::Disturbed => "others used the machine during a slice, even when it was repeated",
        }
    }
}

/// Those that stand in a table of these scenarios.
pub(super) fn used(scenarios: &[&Scenario]) -> Vec<Mark> {
    let rows = || scenarios.iter().flat_map(|scenario| &scenario.rows);
    [
        (Mark::Limited, rows().any(|row| row.load_was_the_limit)),
        (Mark::Disturbed, rows().any(|row| row.disturbed)),
    ]
    .into_iter()
    .filter_map(|(mark, used)| used.then_some(mark))
    .collect()
}

/// Those of them that a reader meets nearby.
pub(super) fn legend(marks: &[Mark]) -> Markup {
    html! {
        @if !marks.is_empty() {
            p.legend { @for mark in marks { span { b { (mark.sign()) } " " (mark.meaning()) } } }
        }
    }
}
