//! What another load generator found, beside what was found here.

use roxmltree::{Document, Node};

use super::{elements, on_page, text};
use crate::compare::model::Report;
use crate::compare::sample::{self, HOSTILE};

/// The cells of the table of checks, row by row.
fn table(document: &Document) -> Vec<Vec<String>> {
    let region = elements(document, "div").find(|region| {
        region.attribute("aria-label").is_some_and(|label| label.contains("checked with"))
    });
    let rows = region.into_iter().flat_map(|region| region.descendants());
    rows.filter(|node| node.tag_name().name() == "tr")
        .map(|row| row.children().filter(Node::is_element).map(text).collect())
        .collect()
}

#[test]
fn every_check_stands_in_the_table_with_its_verdict_in_words() {
    on_page(&sample::full(), |document| {
        let rows = table(document);
        let of = |server: &str| -> Vec<&Vec<String>> {
            rows.iter().filter(|row| row[0].starts_with(server)).collect()
        };
        let expected = [
            ("io_uring", "wrk was the limit: it used 99 % of its core, the server 86 % of its own"),
            ("epoll", "agrees"),
            ("std", "agrees"),
            ("actix-web", "differs"),
        ];
        for (server, verdict) in expected {
            let rows = of(server);
            assert_eq!(rows.len(), 3, "one for each scenario: {server}");
            assert!(rows.iter().all(|row| row[8] == verdict), "{rows:?}");
        }
        assert!(of("nginx").is_empty() && of(HOSTILE).is_empty(), "they were not checked");
        let first = &of("io_uring")[0][1..8];
        let figures = ["156 k/s", "114 k/s", "1.37×", "5.13 µs", "5.24 µs", "99.1 %", "85.8 %"];
        assert_eq!(first, figures);
        assert_eq!(of("std")[0][5], "–", "its CPU is not known");
        assert!(of("epoll")[0][0].contains('†'), "others used the machine meanwhile");
    });
}

#[test]
fn where_nothing_was_checked_there_is_no_table_and_the_reason_stands_below() {
    let mut report = sample::full();
    for row in report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.rows) {
        row.checked = None;
    }
    let says = |report: &Report, reason: &str| {
        on_page(report, |document| {
            assert!(table(document).is_empty());
            let page = text(document.root());
            assert!(!page.contains("Checked with"));
            assert_eq!(page.contains("No other load generator"), !reason.is_empty());
            assert!(page.contains(reason), "{reason}");
        });
    };
    says(&report, "");
    report.machine.pinned = None;
    says(&report, "wrk and the servers would have shared cores");
    report.machine.wrk = None;
    says(&report, "wrk was not at hand");
}

#[test]
fn names_in_the_table_of_checks_are_text() {
    let mut report = sample::full();
    let rows = report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.rows);
    for (row, check) in rows.filter_map(|row| Some((&mut row.server, row.checked.as_mut()?))) {
        HOSTILE.clone_into(row);
        HOSTILE.clone_into(&mut check.tool);
    }
    on_page(&report, |document| {
        let rows = table(document);
        assert!(rows.iter().any(|row| row[0].starts_with(HOSTILE)), "{rows:?}");
        assert!(text(document.root()).contains(&format!("Checked with {HOSTILE}")));
    });
}
