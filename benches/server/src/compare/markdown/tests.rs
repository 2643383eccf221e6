use super::markdown;
use crate::compare::answers::answers;
use crate::compare::model::Row;
use crate::compare::rows::not_asked;
use crate::compare::sample;

fn unescaped(line: &str, sign: char) -> usize {
    let mut found = 0;
    let mut before = ' ';
    for letter in line.chars() {
        found += usize::from(letter == sign && before != '\\');
        before = letter;
    }
    found
}

#[test]
fn the_same_three_answers_stand_before_the_table() {
    let report = sample::full();
    let text = markdown(&report);
    let mut from = 0;
    for answer in &answers(&report) {
        let at = text[from..].find(answer.question).expect("in this order") + from;
        let rest = &text[at..];
        for (_, figure) in &answer.facts {
            assert!(rest.contains(figure), "{figure}");
        }
        from = at;
    }
    assert!(text.find("| Scenario |").expect("a table") > from);
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
}

#[test]
fn each_row_of_the_table_has_a_cell_for_each_server() {
    let report = sample::full();
    let text = markdown(&report);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + report.scenarios.len());
    for row in rows {
        assert_eq!(unescaped(row, '|'), 2 + report.servers.len() + 2, "{row}");
    }
}

#[test]
fn who_was_not_asked_has_not_failed() {
    let mut report = sample::full();
    report.scenarios.truncate(1);
    report.scenarios[0].rows.truncate(2);
    let failed = |reason: &str| Some(reason.to_owned());
    report.scenarios[0].rows[0] = Row { failed: failed("it broke"), ..Row::default() };
    report.scenarios[0].rows[0].server = report.servers[0].name.clone();
    report.scenarios[0].rows[1] = not_asked(&report.servers[1].name, "no stream".to_owned());
    let text = markdown(&report);
    let row = text.lines().filter(|line| line.starts_with('|')).nth(2).expect("one row");
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    assert_eq!(cells[3..5], ["failed", "–"], "{row}");
}

#[test]
fn a_name_that_is_markup_is_shown_as_text() {
    let mut report = sample::full();
    report.warnings[0] = "a line\n| break `code` [link](x)".to_owned();
    let text = markdown(&report);
    assert!(text.contains("\\<img"), "{text}");
    for line in text.lines() {
        // Beside a digit it is no markup: a deviation below 0.1 %.
        let line = &line.replace("<0", "0");
        assert_eq!(unescaped(line, '<') + unescaped(line, '`') + unescaped(line, '['), 0, "{line}");
    }
    assert!(text.contains("> a line \\| break"), "{text}");
}

#[test]
fn what_another_load_generator_found_is_one_line() {
    let line = "Checked with wrk 4.1.0: 6 of 12 figures agree within 10 %; in 3 wrk was the limit; \
                3 differ.";
    let found = |report| markdown(report).replace('\u{a0}', " ").lines().any(|one| one == line);
    assert!(found(&sample::full()));
    assert!(!markdown(&sample::empty()).contains("Checked with"));
}

#[test]
fn a_report_of_nothing_has_a_table_without_rows() {
    let text = markdown(&sample::empty());
    assert!(text.contains("| Scenario | by | std |\n|---|---|--:|\n\n"), "{text}");
}

#[test]
fn without_the_first_server_the_next_one_is_what_others_are_compared_with() {
    let mut report = sample::full();
    for row in report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.rows) {
        if row.server == "io_uring" {
            let lacking = not_asked("io_uring", "it is denied".to_owned());
            *row = Row { noise: row.noise, ..lacking };
        }
    }
    assert_eq!(report.first().map(|first| first.name.as_str()), Some("epoll"));
    assert!(markdown(&report).contains("| epoll again |"));
    let page = crate::compare::html::render(&report);
    assert!(page.contains(">to epoll<") && !page.contains(">to io_uring<"));
    assert_eq!(page.matches("Not asked: it is denied").count(), report.scenarios.len());
    assert!(!page.contains("io_uring, io_uring"), "it is said once");
}
