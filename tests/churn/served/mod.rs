//! The server's process: a server, a publisher, and what the test asks for over standard input, one
//! command a line, each answered with the server's counts on standard output, behind [`MARK`]. It ends
//! with its input. Judges nothing but drains. The routes are in `app` and `streams`.

mod app;
mod brokers;
mod counts;
mod lives;
mod publisher;
mod streams;

pub(crate) use counts::Counts;

use crate::support::{PATIENCE, Running, builder};
use headwater::{Engine, Hub, Timeouts, sse::Broker};
use lives::Watch;
use publisher::Press;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Before each line for the test: the test harness writes lines of its own.
pub(crate) const MARK: &str = "churn: ";

/// So few that the ring goes round, and all of its memory is in use, before the warm-up is over.
const RING_EVENTS: usize = 256;
/// Fewer than clients want at times: the others are sent away.
const STREAM_THREADS: usize = 16;
const BLOCKING_THREADS: usize = 4;

/// What the test asks for.
pub(crate) mod command {
    pub(crate) const PUBLISH: &str = "publish";
    pub(crate) const REST: &str = "rest";
    pub(crate) const COUNT: &str = "count";
    /// With the milliseconds that the drain may take behind it. Answered by where the next server
    /// listens, and whether the drain ended by itself.
    pub(crate) const RESTART: &str = "restart ";
}

/// How a server was replaced by another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restarted {
    pub(crate) addr: SocketAddr,
    /// Whether the drain of the one before ended by itself.
    pub(crate) in_time: bool,
}

impl fmt::Display for Restarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.addr, self.in_time)
    }
}

impl Restarted {
    /// From the line that `Display` gave.
    #[track_caller]
    pub(crate) fn read(line: &str) -> Self {
        let parts = line.split_once(' ').and_then(|(addr, in_time)| {
            Some(Self { addr: addr.parse().ok()?, in_time: in_time.parse().ok()? })
        });
        parts.unwrap_or_else(|| panic!("no restart: {line:?}"))
    }
}

/// Serves until the test has no more to ask.
pub(crate) fn serve(engine: Engine, seed: u64) {
    let hub = Hub::builder().ring_events(RING_EVENTS).build();
    let watch = Watch::default();
    let brokers = brokers::brokers(&hub, &watch);
    let mut press = Press::new(&brokers, seed);
    let mut process = Process::start(engine, hub, brokers, watch);
    println!("{MARK}{}", process.server.addr());
    for line in std::io::stdin().lines() {
        let line = line.expect("the test writes text");
        match line.as_str() {
            command::PUBLISH => press.start(),
            command::REST => press.stop(),
            command::COUNT => {}
            other => {
                let millis = other.strip_prefix(command::RESTART).and_then(|ms| ms.parse().ok());
                let millis = millis.unwrap_or_else(|| panic!("no command: {other:?}"));
                println!("{MARK}{}", process.restart(Duration::from_millis(millis)));
            }
        }
        println!("{MARK}{}", process.counts());
    }
    press.stop();
}

struct Process {
    engine: Engine,
    hub: Hub,
    brokers: Vec<Broker>,
    watch: Watch,
    server: Running,
    /// What earlier servers have done.
    earlier: Counts,
}

impl Process {
    fn start(engine: Engine, hub: Hub, brokers: Vec<Broker>, watch: Watch) -> Self {
        let server = start(engine, &hub, &brokers, &watch);
        Self { engine, hub, brokers, watch, server, earlier: Counts::default() }
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::take(&self.server.stats(), &self.hub, &self.brokers, &self.watch);
        counts.add(&self.earlier);
        counts
    }

    /// Drains the server, and starts another, which listens elsewhere.
    fn restart(&mut self, within: Duration) -> Restarted {
        let begun = Instant::now();
        let drained = self.server.drain(within).wait().expect("no worker fails");
        let in_time = begun.elapsed() < within;
        assert!(!in_time || drained.cut == 0, "before its time was over: {drained:?}");
        self.earlier = self.counts();
        self.earlier.restarts += 1;
        self.earlier.cut += drained.cut as u64;
        // Threads of handlers find out by themselves.
        let Counts { connections, streams, subscribers, tasks, forwarded, admitted, .. } =
            self.earlier;
        let left = [connections, streams, subscribers, tasks, forwarded, admitted];
        assert_eq!(left, [0; 6], "after the drain of a server: {:?}", self.earlier);
        self.server = start(self.engine, &self.hub, &self.brokers, &self.watch);
        Restarted { addr: self.server.addr(), in_time }
    }
}

fn start(engine: Engine, hub: &Hub, brokers: &[Broker], watch: &Watch) -> Running {
    // A client that is slow because the machine is must not be refused for it.
    let timeouts = Timeouts::default().with_header(2 * PATIENCE).with_write(2 * PATIENCE);
    let server = builder(engine)
        .hub(hub)
        .timeouts(timeouts)
        .stream_threads(STREAM_THREADS)
        .blocking_threads(BLOCKING_THREADS);
    let server = server.serve(app::app(brokers, watch)).expect("a free port of the loopback");
    Running::from(server)
}
