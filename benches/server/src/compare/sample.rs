//! Reports to draw in tests: one as a full run would give it, with failures, gaps and odd numbers, and
//! small ones. The numbers are invented.

use super::model::{
    Check, Contestant, ContestantKind, Group, Latency, Machine, Report, Row, Scenario, Spread,
};

/// What a server is called that tries to become markup.
pub(crate) const HOSTILE: &str = "<img src=x onerror=alert(1)>|\"&'</style>";

/// A spread of `share` to both sides.
pub(crate) fn within(median: f64, share: f64) -> Spread {
    Spread { least: median * (1.0 - share), median, most: median * (1.0 + share) }
}

pub(crate) fn row(server: &str) -> Row {
    Row { server: server.to_owned(), slices: 5, ..Row::default() }
}

pub(crate) fn scenario(id: &str, group: Group) -> Scenario {
    Scenario {
        id: id.to_owned(),
        group,
        title: id.to_owned(),
        how: String::new(),
        subscribers: None,
        rate: None,
        event_bytes: None,
        depth: None,
        rows: Vec::new(),
    }
}

/// A report of one engine that measured nothing.
pub(crate) fn empty() -> Report {
    Report {
        format: 1,
        quick: true,
        begun_unix_seconds: 1_795_651_200,
        took_seconds: 98.4,
        machine: Machine {
            processor: "AMD EPYC 9R14".to_owned(),
            cores: 2,
            memory_bytes: 25_201_606_656,
            kernel: "Linux 6.18.5".to_owned(),
            open_files: Some(20_000),
            locked_memory_bytes: None,
            pinned: None,
            version: "0.1.0".to_owned(),
            valgrind: None,
            wrk: None,
        },
        servers: vec![contestant("std", ContestantKind::Engine, "blocking sockets and threads")],
        scenarios: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A full run of three engines, two peers and one with a hostile name.
pub(crate) fn full() -> Report {
    let engine = |name, detail| contestant(name, ContestantKind::Engine, detail);
    let mut report = Report {
        quick: false,
        took_seconds: 1_934.0,
        servers: vec![
            engine("io_uring", "self-test passed; DEFER_TASKRUN, provided buffers"),
            engine("epoll", "mio 1.2"),
            engine("std", "blocking sockets and threads, the slow reference"),
            contestant("actix-web", ContestantKind::Peer, "Bytes cloned from a broadcast channel"),
            contestant("nginx + nchan", ContestantKind::Peer, "worker_processes 1"),
            contestant(HOSTILE, ContestantKind::Against, "http://127.0.0.1:9999/"),
        ],
        warnings: vec![
            "Both cores are threads of one physical core: server and load slow one another."
                .to_owned(),
            "memory-lock limit is 8 MiB: rings take part of it.".to_owned(),
        ],
        ..empty()
    };
    report.machine.pinned = Some((0, 1));
    report.machine.locked_memory_bytes = Some(8 << 20);
    report.machine.valgrind = Some("3.24.0".to_owned());
    report.machine.wrk = Some("wrk debian/4.1.0-3+b2 [epoll]".to_owned());
    report.scenarios = [http(), fan_out(), memory(), others()].concat();
    report
}

fn contestant(name: &str, kind: ContestantKind, detail: &str) -> Contestant {
    Contestant { name: name.to_owned(), kind, detail: detail.to_owned() }
}

/// The names of those that can be measured, with a factor of what their work costs.
const SERVERS: [(&str, f64); 5] =
    [("io_uring", 1.0), ("epoll", 1.03), ("std", 2.3), ("actix-web", 3.2), ("nginx + nchan", 90.0)];

/// A row of each server by its factor, the hostile one, which failed, and the noise row.
fn rows(of: impl Fn(&str, f64) -> Row) -> Vec<Row> {
    let mut rows: Vec<Row> = SERVERS.iter().map(|(name, factor)| of(name, *factor)).collect();
    rows.push(Row {
        failed: Some("no answer within 5 s: connection refused <nothing there>".to_owned()),
        slices: 0,
        ..row(HOSTILE)
    });
    rows.push(Row { noise: true, checked: None, ..of("io_uring", 1.012) });
    rows
}

/// Percentiles about a median in nanoseconds, with a tail.
pub(super) fn latency(p50: f64) -> Latency {
    let quantile = |nines: f64| p50 * (1.0 + 0.55 * nines.powf(1.6));
    let curve = (0..=80)
        .map(|step| {
            let nines = 0.30 + f64::from(step) * 0.046_25;
            ((1.0 - 10f64.powf(-nines)) * 100.0, quantile(nines - 0.30))
        })
        .chain([(100.0, quantile(4.6))])
        .collect();
    Latency {
        p50: within(p50, 0.02),
        p99: within(quantile(1.7), 0.04),
        p999: within(quantile(2.7), 0.09),
        max: within(quantile(4.6), 0.3),
        samples: None,
        curve,
    }
}

fn http() -> Vec<Scenario> {
    // epoll is the best engine here, and a peer is better still.
    let cpu = |name: &str, factor: f64| match name {
        "epoll" => 7.2e8,
        "actix-web" => 6.1e8,
        _ => 8e8 * factor.powf(0.4),
    };
    let of = |id: &str, title: &str, depth, base: f64| Scenario {
        title: title.to_owned(),
        how: format!("wrk, 64 connections, {depth} under way on each, for 5 slices of 4 s."),
        depth: Some(depth),
        rows: rows(|name, factor| Row {
            throughput: Some(within(base / factor.powf(0.15), 0.012)),
            latency: Some(latency(250_000.0 * factor.powf(0.3))),
            cpu_nanos_per_event: Some(within(cpu(name, factor) / base, 0.02)),
            instructions_per_event: (factor < 2.0).then_some(1_840.0 * factor),
            lost: Some(0.0),
            load_was_the_limit: factor < 2.0,
            checked: checked(name, base / factor.powf(0.15), cpu(name, factor) / base),
            ..row(name)
        }),
        ..scenario(id, Group::Http)
    };
    vec![
        of("plaintext", "Plaintext", 1, 156_000.0),
        of("pipelined", "Plaintext, pipelined", 16, 1_530_000.0),
        of("json", "JSON", 1, 151_000.0),
    ]
}

/// One of each verdict, and a server that was not checked.
fn checked(name: &str, throughput: f64, cpu: f64) -> Option<Check> {
    let (share, tool, server) = match name {
        "io_uring" => (0.731, 0.991, 0.858),
        "epoll" => (0.964, 0.998, 0.987),
        "std" => (1.006, 0.562, 0.995),
        "actix-web" => (0.87, 0.93, 0.99),
        _ => return None,
    };
    Some(Check {
        tool: "wrk 4.1.0".to_owned(),
        throughput: throughput * share,
        cpu_nanos_per_event: (name != "std").then_some(cpu * 1.021),
        tool_core_share: tool,
        server_core_share: server,
        disturbed: name == "epoll",
    })
}

fn fan_out() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (subscribers, most) in [(1, 410_000.0), (100, 9.4e6), (1_000, 20.1e6), (10_000, 17.2e6)] {
        scenarios.push(fan_out_of(subscribers, Some(100.0), 128, most));
        scenarios.push(fan_out_of(subscribers, None, 128, most));
        scenarios.push(fan_out_of(subscribers, None, 1024, most / 4.5));
    }
    scenarios
}

fn fan_out_of(subscribers: usize, rate: Option<f64>, bytes: usize, most: f64) -> Scenario {
    let speed = rate.map_or_else(|| "flat out".to_owned(), |rate| format!("{rate} events/s"));
    let figure = super::figures::whole(subscribers);
    let count = f64::from(u32::try_from(subscribers).expect("a small number"));
    Scenario {
        title: format!(
            "{figure} subscriber{}, {speed}, {bytes} B",
            if subscribers == 1 { "" } else { "s" }
        ),
        how: match rate {
            Some(_) => "Events are published on an open-loop schedule.".to_owned(),
            None => "A publisher sends as fast as it is answered.".to_owned(),
        },
        subscribers: Some(subscribers),
        rate,
        event_bytes: Some(bytes),
        rows: rows(|name, factor| {
            let per_send = if rate.is_some() { 1.0 + count / 9_000.0 } else { 123.0 / factor };
            let cpu = (3_900.0 / per_send.max(1.0) + 18.0) * factor.powf(0.7);
            Row {
                throughput: Some(match rate {
                    Some(rate) => within(rate * count, 0.000_1),
                    None => within(most / factor, 0.021 * factor.min(4.0)),
                }),
                latency: Some(latency(40_000.0 * count.powf(0.55) * factor.powf(0.3))),
                cpu_nanos_per_event: Some(within(cpu, 0.03)),
                instructions_per_event: (factor < 2.0).then_some(310.0 * factor),
                events_per_send: (factor < 10.0).then_some(per_send),
                lost: Some(if rate.is_none() && factor > 3.0 { 0.000_31 * factor } else { 0.0 }),
                disturbed: subscribers == 100 && name == "epoll",
                load_was_the_limit: rate.is_none() && subscribers == 1_000 && factor < 1.02,
                errors: u64::from(factor > 80.0) * 12,
                ..row(name)
            }
        }),
        ..scenario(
            &format!("fan-out-{subscribers}-{}-{bytes}", rate.map_or("flat", |_| "rated")),
            Group::FanOut,
        )
    }
}

fn memory() -> Vec<Scenario> {
    let of = |subscribers: usize| Scenario {
        title: format!("{} idle subscribers", super::figures::whole(subscribers)),
        how: "Resident and kernel memory after they subscribed, less what was there before."
            .to_owned(),
        subscribers: Some(subscribers),
        rows: rows(|name, factor| Row {
            user_bytes_per_subscriber: Some(within(598.0 * factor.powf(2.9).min(49.0), 0.01)),
            kernel_bytes_per_subscriber: (factor < 10.0).then(|| within(7_960.0, 0.004)),
            slices: 1,
            ..row(name)
        }),
        ..scenario(&format!("memory-{subscribers}"), Group::Memory)
    };
    vec![of(1_000), of(10_000)]
}

fn others() -> Vec<Scenario> {
    let of = |id: &str, group, title: &str, base: f64, p50: f64| Scenario {
        title: title.to_owned(),
        how: "As many clients as stand here, all at once.".to_owned(),
        subscribers: Some(1_000),
        rows: rows(|name, factor| Row {
            throughput: Some(within(base / factor.powf(0.2), 0.05)),
            latency: (factor < 10.0).then(|| latency(p50 * factor)),
            cpu_nanos_per_event: Some(within(5e8 / base * factor, 0.04)),
            lost: Some(0.0),
            ..row(name)
        }),
        ..scenario(id, group)
    };
    let mut odd = of("replay", Group::Replay, "Replay of 10,000 events", 2.4e6, 900_000.0);
    odd.rows[1].throughput = Some(within(f64::NAN, 0.0));
    odd.rows[4].throughput = Some(within(1e300, 0.0));
    odd.rows[4].cpu_nanos_per_event = Some(within(1e-300, 0.0));
    odd.rows[4].lost = Some(0.5);
    odd.rows[3] = Row { slices: 0, ..row("actix-web") };
    vec![
        of("storm", Group::Storm, "1,000 connect at once", 31_000.0, 9e6),
        of("slow-readers", Group::SlowReaders, "10 of 1,000 do not read", 1e5, 6.1e6),
        Scenario {
            rate: Some(1.0),
            subscribers: Some(10_000),
            ..of("own-streams", Group::OwnStreams, "10,000 different streams", 10_000.0, 2.2e6)
        },
        odd,
    ]
}
