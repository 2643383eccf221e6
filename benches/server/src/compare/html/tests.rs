mod checked;

use std::path::Path;

use roxmltree::{Document, Node};

use super::{picture, render};
use crate::compare::model::{Report, Row, Spread};
use crate::compare::sample::{self, HOSTILE};

/// The page as XML, which it is but for its document type and two elements that HTML never closes.
fn as_xml(page: &str) -> String {
    let page = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    page.replacen("<meta charset=\"utf-8\">", "", 1).replacen(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "",
        1,
    )
}

/// Draws a report and lets `check` look at what came of it.
fn on_page(report: &Report, check: impl Fn(&Document)) {
    let xml = as_xml(&render(report));
    check(&Document::parse(&xml).expect("well-formed"));
}

fn elements<'d>(document: &'d Document, name: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}

fn text(node: Node) -> String {
    let text: String =
        node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    text.replace('\u{a0}', " ")
}

fn is_of(node: &Node, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

/// The rows of servers in a scenario's part of a table.
fn rows<'d>(document: &'d Document, id: &str) -> Vec<Node<'d, 'd>> {
    let id = format!("s-{id}");
    let heading = elements(document, "tr").find(|row| row.attribute("id") == Some(&id));
    let part = heading.and_then(|heading| heading.parent()).expect("a part of the scenario");
    part.children()
        .filter(|row| row.is_element() && !is_of(row, "scenario") && !is_of(row, "heads"))
        .collect()
}

/// For `tests/clients`, which opens them in a browser.
#[test]
fn samples_are_written_where_a_browser_finds_them() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/compare-samples");
    std::fs::create_dir_all(&place).expect("target can be written");
    for (name, page, end) in [
        ("full.html", Some(render(&sample::full())), "</html>"),
        ("empty.html", Some(render(&sample::empty())), "</html>"),
        ("full.svg", picture(&sample::full()), "</svg>"),
    ] {
        let file = place.join(name);
        std::fs::write(&file, page.expect("a page")).expect("target can be written");
        let written = std::fs::read_to_string(&file).expect("it was written");
        assert!(written.ends_with(end), "{name}");
    }
}

#[test]
fn a_page_is_well_formed_and_loads_nothing() {
    for report in [sample::full(), sample::empty()] {
        on_page(&report, |document| {
            for node in document.descendants().filter(Node::is_element) {
                let name = node.tag_name().name();
                let loads = ["script", "link", "img", "image", "iframe", "object", "use", "base"];
                assert!(!loads.contains(&name), "<{name}>");
                for attribute in node.attributes() {
                    let (what, value) = (attribute.name(), attribute.value());
                    assert!(!what.starts_with("on") && what != "src", "{what}={value}");
                    assert!(what != "href" || value.starts_with('#'), "{what}={value}");
                }
            }
            let styles: String = elements(document, "style").map(text).collect();
            assert!(!styles.is_empty() && !styles.contains("url(") && !styles.contains("@import"));
        });
    }
}

#[test]
fn the_picture_is_a_file_of_its_own() {
    let picture = picture(&sample::full()).expect("fan-outs were measured");
    let document = Document::parse(&picture).expect("well-formed");
    assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    assert_eq!(elements(&document, "style").count(), 1);
    assert!(text(document.root()).contains("Throughput flat out, events of 128 B"));
    assert!(super::picture(&sample::empty()).is_none());
}

#[test]
fn each_link_leads_somewhere_and_no_id_is_there_twice() {
    on_page(&sample::full(), |document| {
        let mut ids: Vec<&str> =
            document.descendants().filter_map(|node| node.attribute("id")).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        let links: Vec<&str> =
            elements(document, "a").filter_map(|link| link.attribute("href")).collect();
        assert_eq!(links.len(), 8);
        for link in links {
            assert!(ids.contains(&&link[1..]), "{link}");
        }
    });
}

#[test]
fn every_server_stands_in_every_scenario() {
    let report = sample::full();
    on_page(&report, |document| {
        for scenario in &report.scenarios {
            let rows = rows(document, &scenario.id);
            assert_eq!(rows.len(), scenario.rows.len(), "{}", scenario.id);
            for (drawn, row) in rows.iter().zip(&scenario.rows) {
                let name = text(drawn.first_element_child().expect("a name"));
                assert!(name.starts_with(&row.server), "{name}");
                assert_eq!(name.contains(" again"), row.noise, "{name}");
                assert_eq!(name.contains('†'), row.disturbed, "{name}");
                assert_eq!(text(*drawn).contains('≥'), row.load_was_the_limit, "{name}");
                assert_eq!(is_of(drawn, "noise"), row.noise, "{name}");
            }
        }
    });
}

#[test]
fn all_rows_of_a_table_are_as_wide_as_its_head() {
    on_page(&sample::full(), |document| {
        for table in elements(document, "table") {
            let widths: Vec<usize> = table
                .descendants()
                .filter(|node| node.tag_name().name() == "tr")
                .map(|row| {
                    let cells = row.children().filter(Node::is_element);
                    cells
                        .map(|cell| cell.attribute("colspan").map_or(1, |n| n.parse().unwrap()))
                        .sum()
                })
                .collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
        }
    });
}

#[test]
fn a_name_that_is_markup_is_shown_as_text() {
    let mut report = sample::full();
    HOSTILE.clone_into(&mut report.warnings[0]);
    HOSTILE.clone_into(&mut report.machine.processor);
    for scenario in &mut report.scenarios {
        HOSTILE.clone_into(&mut scenario.title);
        HOSTILE.clone_into(&mut scenario.how);
        scenario.rows[5] = Row { server: HOSTILE.to_owned(), ..scenario.rows[1].clone() };
    }
    assert!(!render(&report).contains("<img"));
    on_page(&report, |document| {
        let shown =
            |name| elements(document, name).filter(|node| text(*node).contains(HOSTILE)).count();
        assert!(shown("li") > 0 && shown("header") > 0 && shown("dt") > 0 && shown("th") > 20);
        assert!(shown("title") > 0 && shown("desc") > 0, "in the plots, too");
    });
}

#[test]
fn plots_tell_those_who_cannot_see_them_what_they_are() {
    on_page(&sample::full(), |document| {
        let plots: Vec<Node> = elements(document, "svg").collect();
        assert!(plots.len() >= 11, "{}", plots.len());
        for plot in plots {
            assert_eq!(plot.attribute("role"), Some("img"));
            let first: Vec<Node> = plot.children().take(2).collect();
            assert_eq!(first[0].tag_name().name(), "title");
            assert_eq!(first[1].tag_name().name(), "desc");
            assert!(!text(first[0]).is_empty() && text(first[1]).contains("table below"));
            let of = |class| plot.descendants().filter(|node| is_of(node, class)).count();
            assert!(of("axis") >= 1 && of("tick") >= 3 && of("name") >= 2, "{}", text(first[0]));
        }
    });
}

/// Each number in the coordinates of plots is finite and, in x, within the drawing.
fn coordinates_are_sound(document: &Document) {
    for plot in elements(document, "svg") {
        let width = plot.attribute("viewBox").and_then(|view| view.split(' ').nth(2));
        let width: f64 = width.expect("a width").parse().expect("a number");
        for node in plot.descendants() {
            for attribute in node.attributes() {
                let numbers = attribute.value().split([' ', ',', '(', ')']);
                let numbers: Vec<f64> = numbers.filter_map(|number| number.parse().ok()).collect();
                let (name, value) = (attribute.name(), attribute.value());
                assert!(numbers.iter().all(|number| number.is_finite()), "{name}={value}");
                if ["x", "x1", "x2", "transform"].contains(&name) {
                    assert!(!numbers.is_empty(), "{name}={value}");
                    assert!((0.0..=width).contains(&numbers[0]), "{name}={value}");
                }
            }
        }
    }
}

#[test]
fn numbers_of_any_size_and_none_at_all_leave_the_plots_sound() {
    on_page(&sample::full(), coordinates_are_sound);
    let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1.0, 1e300, f64::MAX];
    for odd in odd {
        for every in [1, 2, 7] {
            let report = with_odd(odd, every);
            on_page(&report, |document| {
                coordinates_are_sound(document);
                for word in text(document.root()).split(|letter: char| !letter.is_alphanumeric()) {
                    assert!(!["NaN", "inf"].contains(&word), "{odd} in each {every}th row");
                }
            });
        }
    }
}

/// The full sample with one number in place of all figures of each `every`th row.
fn with_odd(odd: f64, every: usize) -> Report {
    let mut report = sample::full();
    let rows = report.scenarios.iter_mut().flat_map(|scenario| &mut scenario.rows);
    for row in rows.step_by(every) {
        let spread = Spread { least: odd, median: odd, most: odd };
        row.throughput = Some(spread);
        row.cpu_nanos_per_event = Some(spread);
        row.user_bytes_per_subscriber = Some(spread);
        row.kernel_bytes_per_subscriber = Some(spread);
        row.events_per_send = Some(odd);
        row.instructions_per_event = Some(odd);
        row.lost = Some(odd);
        if let Some(check) = &mut row.checked {
            (check.throughput, check.cpu_nanos_per_event) = (odd, Some(odd));
            (check.tool_core_share, check.server_core_share) = (odd, odd);
        }
        if let Some(latency) = &mut row.latency {
            (latency.p50, latency.p99, latency.p999, latency.max) =
                (spread, spread, spread, spread);
            latency.curve = vec![(0.0, odd), (50.0, odd), (odd, 1e6), (99.0, odd), (100.0, odd)];
        }
    }
    report
}

#[test]
fn the_three_answers_come_first() {
    on_page(&sample::full(), |document| {
        let main = elements(document, "main").next().expect("a main part");
        let answers = main.first_element_child().expect("answers");
        let cards: Vec<String> = answers.children().map(text).collect();
        assert_eq!(cards.len(), 3);
        for (card, words) in cards.iter().zip([
            ["Which engine for me?", "epoll", "no difference"],
            ["What does a core carry?", "≥ 20.1 M events/s", "of a core"],
            ["What does a subscriber cost?", "8.36 KiB", "3.53 µs of CPU"],
        ]) {
            for word in words {
                assert!(card.contains(word), "{word} in {card}");
            }
        }
    });
}

#[test]
fn what_was_not_measured_is_a_dash_and_zero_is_zero() {
    on_page(&sample::full(), |document| {
        let nginx = text(rows(document, "memory-1000")[4]);
        assert!(nginx.contains('–') && nginx.contains("28.6 KiB"), "{nginx}");
        assert!(text(rows(document, "plaintext")[0]).contains("0 %"));
        let failed = text(rows(document, "plaintext")[5]);
        assert!(failed.contains("No result: no answer within 5 s"), "{failed}");
        let nothing = text(rows(document, "replay")[3]);
        assert!(nothing.matches('–').count() > 5, "{nothing}");
    });
}

#[test]
fn who_was_not_asked_stands_in_one_line_with_what_is_lacking() {
    let mut report = sample::full();
    let replay = report.scenarios.iter_mut().find(|one| one.id == "replay").expect("it is there");
    for name in ["actix-web", "nginx + nchan"] {
        let row = replay.rows.iter_mut().find(|row| row.server == name).expect("it is there");
        *row = crate::compare::rows::not_asked(name, "no <store>".to_owned());
    }
    on_page(&report, |document| {
        let lines: Vec<String> = rows(document, "replay").into_iter().map(text).collect();
        let naming: Vec<&String> =
            lines.iter().filter(|line| line.contains("actix") || line.contains("nchan")).collect();
        let [line] = naming[..] else { panic!("{lines:?}") };
        assert!(line.contains("actix-web, nginx + nchan"), "{line}");
        assert!(line.contains("Not asked: no <store>"), "{line}");
    });
}

#[test]
fn a_report_of_nothing_says_so() {
    on_page(&sample::empty(), |document| {
        let page = text(document.root());
        for words in [
            "The only engine in this run",
            "This run measured no fan-out flat out.",
            "This run measured no memory of subscribers.",
            "no: server and load shared the cores",
            "not present",
            "no limit",
        ] {
            assert!(page.contains(words), "{words}");
        }
        assert_eq!(elements(document, "svg").count() + elements(document, "table").count(), 0);
    });
}

#[test]
fn machine_and_warnings_are_named() {
    let report = sample::full();
    on_page(&report, |document| {
        let page = text(document.root());
        let machine = &report.machine;
        for words in [&machine.processor, &machine.kernel, &machine.version] {
            assert!(page.contains(words.as_str()), "{words}");
        }
        for words in ["3.24.0", "4.1.0", "20,000", "8.00 MiB", "23.5 GiB", "server to core 0"] {
            assert!(page.contains(words), "{words}");
        }
        for server in &report.servers {
            assert!(page.contains(&server.detail), "{}", server.detail);
        }
        for warning in &report.warnings {
            assert!(page.contains(warning.as_str()), "{warning}");
        }
        for scenario in &report.scenarios {
            assert!(page.contains(&scenario.how), "{}", scenario.how);
        }
    });
}
