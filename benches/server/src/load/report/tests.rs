//! A report made up for tests, and what is calculated from it.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    load: LoadArgs,
}

fn percentiles(micros: u64) -> Percentiles {
    Percentiles { p50: micros, p90: micros, p99: micros, p999: micros, max: micros }
}

/// The report of a run without fault.
pub(super) fn sound() -> Report {
    let asked = Flags::parse_from(["load"]).load;
    let memory = |rss| Memory { rss: Some(rss), peak: None, tcp: Some(4096), objects: Some(4096) };
    Report {
        target: asked.addr,
        census: Census { connected: 1_000, ..Census::default() },
        publish: Publish {
            warmup: 100,
            sent: 1_100,
            unsent: 0,
            accepted: 1_100,
            refused: 0,
            first_refusal: None,
            rate: asked.rate.per_second(),
            slip_us: percentiles(70),
            blocked: 0,
            error: None,
        },
        delivered: Delivered {
            all: 1_100_000,
            measured: 1_000_000,
            per_second: 100_000.0,
            due: 1_100_000,
            lost: 0,
            out_of_order: 0,
            duplicates: 0,
            foreign: 0,
            by_themselves: 0,
            ids_skipped: 0,
            counted: 0,
        },
        latency_us: percentiles(5_000),
        timed: true,
        latencies_us: None,
        slow: None,
        churn: None,
        storm: None,
        counts: Counts { sends: Some(1_050_000), delivered: Some(2_100_000), ..Counts::default() },
        guests: GuestBook::default(),
        window: Duration::from_secs(10),
        server_pids: vec![7],
        softirq_cores: vec![0],
        server: Some(ServerCost {
            user: Duration::from_secs(1),
            system: Duration::from_secs(3),
            process: Duration::from_secs(4),
            softirq: Some(Duration::from_secs(1)),
        }),
        server_share: Some(0.5),
        memories: [memory(1_000_000), memory(1_256_000), memory(1_300_000)],
        own: OwnCost {
            core_share: Some(0.5),
            reader_ran: Some(0.4),
            reader_waited: Some(0.1),
            others: Some(0.01),
            stolen: Some(0.0),
        },
        publisher_share: Some(0.1),
        warnings: Vec::new(),
        asked,
    }
}

/// A storm after which so many were back.
pub(super) fn storm(dropped: usize, back: usize) -> Storm {
    let outcome = StormOutcome {
        dropped,
        back,
        refusals: 1,
        first_refusal: Some("answered with status 503".to_owned()),
        took: Duration::from_secs(1),
        back_us: crate::load::tally::lateness(),
    };
    Storm { outcome, back_us: percentiles(1_000), missed_away: 7, server: None, server_share: None }
}

#[test]
fn cpu_per_delivery_counts_ksoftirqd_and_shows_it_apart() {
    let (process, all) = sound().cpu_us_per_delivery().unwrap();
    assert!((process - 4.0).abs() < 1e-9 && (all - 5.0).abs() < 1e-9, "{process} {all}");
    let text = sound().text();
    assert!(text.contains("ksoftirqd/0 1.00 s"), "{text}");
    assert!(text.contains("5.000 µs per delivery (4.000 without ksoftirqd)"), "{text}");
}

#[test]
fn sends_are_set_against_the_events_that_the_server_counts() {
    let mut report = sound();
    assert_eq!(report.sends_per_delivery(), Some(0.5));
    // Else against those that came.
    report.counts.delivered = None;
    report.counts.sends = Some(2_200_000);
    assert_eq!(report.sends_per_delivery(), Some(2.0));
    report.counts.sends = None;
    assert_eq!(report.sends_per_delivery(), None);
}

#[test]
fn what_was_never_published_is_missed_by_everyone() {
    let mut report = sound();
    assert!(report.missed_share() < 1e-9);
    // 11 of 1,111 events, and 1,000 of the deliveries of the others.
    (report.publish.unsent, report.delivered.lost) = (11, 1_000);
    assert!((report.missed_share() - 12_000.0 / 1_111_000.0).abs() < 1e-9);
}

#[test]
fn memory_is_set_against_those_that_connected() {
    assert_eq!(sound().rss_growth_per_subscriber(), Some(256.0));
}

#[test]
fn where_bytes_are_counted_the_measured_share_is_that_of_the_others() {
    let schedule = Schedule::new(0, 1_000.0, Duration::from_secs(1), Duration::from_secs(3));
    let mut tally = Tally::new(crate::load::schedule::Clock::new());
    (tally.deliveries, tally.measured, tally.last_arrival) = (400, 300, 4_000_000_000);
    let account = Account { counted: 3_600, ..Account::default() };
    let delivered = Delivered::of(&tally, &account, schedule);
    assert_eq!((delivered.all, delivered.measured), (4_000, 3_000));
    assert!((delivered.per_second - 1_000.0).abs() < 1e-9, "{delivered:?}");
}

#[test]
fn no_more_is_delivered_each_second_than_was_published() {
    // Ten events in 100 ms to one subscriber; the last is due at 90 ms.
    let tenth = Duration::from_millis(100);
    let timed = Schedule::new(0, 100.0, Duration::ZERO, tenth);
    let untimed = Schedule::untimed(0, Duration::ZERO);
    let warm = Schedule::untimed(0, tenth);
    for (schedule, last_arrival, per_second) in [
        (timed, 90_500_000, 100.0),
        (timed, 100_000_000, 100.0),
        // What came later took longer.
        (timed, 200_000_000, 50.0),
        // Without a schedule there is nothing but the last one to go by.
        (untimed, 50_000_000, 200.0),
        (warm, 150_000_000, 200.0),
    ] {
        let mut tally = Tally::new(crate::load::schedule::Clock::new());
        (tally.deliveries, tally.measured, tally.last_arrival) = (10, 10, last_arrival);
        let delivered = Delivered::of(&tally, &Account::default(), schedule);
        assert!((delivered.per_second - per_second).abs() < 1e-6, "{last_arrival}: {delivered:?}");
    }
}
