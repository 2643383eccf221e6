//! User-space instructions per publish, per delivered event and per round, counted by callgrind, which
//! must be installed. The benchmark runs itself under it, one scenario at a time:
//! `cargo bench -p headwater-sse --bench instructions [SCENARIO...]`.

mod support;

use headwater_sse::{Broker, Event, Hub, PreparedEvent, SlowPolicy};
use std::process::{Command, ExitCode};
use support::{Core, data};

/// Tells a run that it is counted, and which scenario it is.
const SCENARIO: &str = "HEADWATER_COUNTED";
const ROUNDS: u64 = 50;

/// A name, and what is counted; returns how often what is counted was done.
type Scenario = (&'static str, fn() -> u64);

const SCENARIOS: &[Scenario] = &[
    ("per publish, prepared, 1 subscriber", || publish(1, true)),
    ("per publish, prepared, 100 subscribers", || publish(100, true)),
    ("per publish, prepared, 1,000 subscribers", || publish(1000, true)),
    ("per publish, formatted, 1,000 subscribers", || publish(1000, false)),
    ("per delivered event, 1 subscriber, 1 event a round", || deliver(1, 1)),
    ("per delivered event, 100 subscribers, 1 event a round", || deliver(100, 1)),
    ("per delivered event, 1,000 subscribers, 1 event a round", || deliver(1000, 1)),
    ("per delivered event, 1,000 subscribers, 32 events a round", || deliver(1000, 32)),
    ("per delivered event, 1,000 brokers with 1 subscriber each", brokers),
    ("per round, 1,000 subscribers", || stalled(0, SlowPolicy::Drop)),
    ("per round, 1,000 subscribers and 1,000 stalled", || stalled(1000, SlowPolicy::Drop)),
    ("per round, the same, and the oldest are dropped", || stalled(1000, SlowPolicy::DropOldest)),
];

fn main() -> ExitCode {
    if let Ok(number) = std::env::var(SCENARIO) {
        let number: usize = number.parse().expect("the number of a scenario");
        println!("{}", SCENARIOS[number].1());
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: nothing is counted");
        return ExitCode::FAILURE;
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("user-space instructions");
    for (number, (name, _)) in SCENARIOS.iter().enumerate() {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            println!("{:>9.1} {name}", count(number));
        }
    }
    ExitCode::SUCCESS
}

/// Runs a scenario under callgrind; returns the instructions each time.
fn count(number: usize) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=instructions::counted*")
        .arg(std::env::current_exe().expect("this program"))
        .env(SCENARIO, number.to_string())
        .output()
        .expect("valgrind runs");
    let (said, told) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    let times: f64 = said.trim().parse().expect("a number of times");
    let collected = told.lines().find_map(|line| line.split("Collected : ").nth(1));
    let collected: f64 = collected.and_then(|n| n.trim().parse().ok()).expect("a count");
    assert!(collected > 0.0, "the counted function has another name: {told}");
    collected / times
}

/// What callgrind counts.
#[inline(never)]
fn counted<R>(work: impl FnOnce() -> R) -> R {
    work()
}

fn broker() -> Broker {
    Hub::new().broker("news").build()
}

fn publish(many: usize, prepared: bool) -> u64 {
    let (broker, mut core) = (broker(), Core::new());
    core.subscribers(&broker, many);
    let (event, text) = (PreparedEvent::new(&Event::data(data())), data());
    for _ in 0..ROUNDS {
        let publish = || {
            if prepared {
                return broker.publish_prepared(&event).is_ok();
            }
            broker.publish(Event::data(text.as_str())).is_ok()
        };
        assert!(counted(publish), "the ring has room");
        core.run();
    }
    assert_eq!(core.delivered(), ROUNDS * many as u64, "all reach everybody");
    ROUNDS
}

fn deliver(many: usize, events: u64) -> u64 {
    let (broker, mut core) = (broker(), Core::new());
    core.subscribers(&broker, many);
    let event = PreparedEvent::new(&Event::data(data()));
    let publish = |core: &mut Core| {
        (0..events).for_each(|_| drop(broker.publish_prepared(&event).expect("room")));
        let sends = core.sockets.sends;
        counted(|| core.run());
        assert_eq!(core.sockets.sends - sends, many as u64, "one send each");
    };
    // What is allocated once is allocated before.
    let (delivered, mut warm) = (core.delivered(), 0);
    for _ in 0..ROUNDS {
        publish(&mut core);
        warm += 1;
    }
    assert_eq!(core.delivered() - delivered, warm * events * many as u64, "all reach everybody");
    ROUNDS * events * many as u64
}

fn brokers() -> u64 {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..1000).map(|_| hub.broker("quiet").build()).collect();
    for broker in &brokers {
        core.subscribers(broker, 1);
    }
    let event = PreparedEvent::new(&Event::data(data()));
    for _ in 0..ROUNDS {
        for broker in &brokers {
            broker.publish_prepared(&event).expect("room");
        }
        counted(|| core.run());
    }
    assert_eq!(core.delivered(), ROUNDS * 1000, "all reach everybody");
    ROUNDS * 1000
}

/// Rounds for 1,000 subscribers beside these many whose sockets are full, and who are owed all that
/// they may be.
fn stalled(many: usize, policy: SlowPolicy) -> u64 {
    let broker = Hub::new().broker("news").slow_policy(policy).build();
    let mut core = Core::new();
    core.subscribers(&broker, 1000);
    core.subscribers(&broker, many);
    core.sockets.full_from = Some(1000);
    let event = PreparedEvent::new(&Event::data(data()));
    // They are refused, and then owed as much as they may be.
    for _ in 0..100 {
        broker.publish_prepared(&event).expect("room");
        core.run();
    }
    let delivered = core.delivered();
    for _ in 0..ROUNDS {
        broker.publish_prepared(&event).expect("room");
        counted(|| core.run());
    }
    assert_eq!(core.delivered() - delivered, ROUNDS * 1000, "the others have all");
    ROUNDS
}
