//! What it was measured on, who took part, and how to read the figures.

use maud::{Markup, html};

use super::mark::Mark;
use crate::compare::check::summary;
use crate::compare::figures::{bytes, date, duration, whole};
use crate::compare::model::{Contestant, ContestantKind, Machine, Report};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section id="about" {
            h2 { "How it was measured" }
            (reading(report))
            h3 { "Who took part" }
            dl.about {
                @for server in &report.servers {
                    div {
                        dt { (server.name) }
                        dd { (kind(server)) @if !server.detail.is_empty() { ": " (server.detail) } }
                    }
                }
            }
            h3 { "Machine" }
            dl.about {
                @for (what, value) in facts(report) { div { dt { (what) } dd { (value) } } }
            }
        }
    }
}

fn reading(report: &Report) -> Markup {
    html! {
        ul.reading {
            li {
                "The servers took turns, slice by slice. A figure is the median of its slices; " b { "±" }
                " is half of the distance between the least and the most of them."
            }
            li {
                "The row " b { "again" } " is the first server measured once more in slices of its own. \
                 A difference counts where it holds against both rows, is more than these two differ \
                 from each other and more than 2\u{a0}%, and no slices overlap. Without such a row, \
                 or of a single slice, 10\u{a0}% is taken for noise."
            }
            li {
                "Latency is from when each event or request was due to the last byte received. What has a \
                 rate is sent when it is due, however late the answers are."
            }
            li {
                "CPU is that of the server's processes and of its core's share of the kernel's threads; \
                 instructions are of user space alone. Kernel memory is of both ends of a socket."
            }
            li {
                "Servers are compared by throughput; by CPU where the rate is given or the load was the \
                 limit; by p99 where some readers are slow or return all at once; by user and kernel memory \
                 together where they wait. Who lost more than 1\u{a0}% of what was due is not compared."
            }
            @if let Some(sentence) = checking(report) { li { (sentence) } }
            @for mark in [Mark::Limited, Mark::Disturbed] {
                li { b { (mark.sign()) } " " (mark.meaning()) "." }
            }
            li { b { (crate::compare::figures::ABSENT) } " was not measured. It never stands for zero." }
        }
    }
}

/// Whether another load generator agrees with ours is to be seen, or why not.
fn checking(report: &Report) -> Option<String> {
    if let Some(summary) = summary(report) {
        let tool = &summary.tool;
        return Some(format!(
            "{tool}, a load generator of others, checked requests per second flat out in slices of its \
             own: {}. Where it had used up its core and the server had not, it was the limit, and the \
             two figures are not to be compared.",
            summary.counts()
        ));
    }
    let machine = &report.machine;
    let reason = match (&machine.wrk, machine.pinned) {
        (None, _) => "wrk was not at hand",
        (Some(_), None) => "wrk and the servers would have shared cores",
        // Nothing that can be checked was asked, or a warning says why it is not.
        (Some(_), Some(_)) => return None,
    };
    Some(format!("No other load generator checked the figures: {reason}."))
}

fn kind(server: &Contestant) -> &'static str {
    match server.kind {
        ContestantKind::Engine => "engine of headwater",
        ContestantKind::Peer => "peer",
        ContestantKind::Against => "given with --against",
    }
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let Machine {
        processor,
        cores,
        memory_bytes,
        kernel,
        open_files,
        locked_memory_bytes,
        pinned,
        version,
        valgrind,
        wrk,
    } = &report.machine;
    let unlimited = || "no limit".to_owned();
    let absent = || "not present".to_owned();
    let files = open_files.map(|limit| whole(usize::try_from(limit).unwrap_or(usize::MAX)));
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let memory = |amount: u64| bytes(amount as f64);
    vec![
        ("Processor", processor.clone()),
        ("Cores", whole(*cores)),
        ("Memory", memory(*memory_bytes)),
        ("Kernel", kernel.clone()),
        (
            "Pinned",
            pinned.map_or_else(
                || "no: server and load shared the cores".to_owned(),
                |(server, load)| format!("server to core {server}, load to core {load}"),
            ),
        ),
        ("Open files, limit", files.unwrap_or_else(unlimited)),
        ("Locked memory, limit", locked_memory_bytes.map_or_else(unlimited, memory)),
        ("headwater", version.clone()),
        ("valgrind", valgrind.clone().unwrap_or_else(absent)),
        ("wrk", wrk.clone().unwrap_or_else(absent)),
        ("Begun", date(report.begun_unix_seconds)),
        ("Took", duration(report.took_seconds)),
        ("Format of report.json", report.format.to_string()),
    ]
}
