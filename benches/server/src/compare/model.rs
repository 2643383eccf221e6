//! What a comparison has found, as it stands in `report.json`. Measures nothing and draws nothing.
//!
//! Units are in the names: nanoseconds, bytes, events and requests per second. What could not be measured
//! is absent, never zero.

use serde::{Deserialize, Serialize};

/// Everything that one run of `bench-server compare` has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Of this format, which begins with 1.
    pub(crate) format: u32,
    pub(crate) quick: bool,
    /// Seconds since 1970 at the beginning.
    pub(crate) begun_unix_seconds: u64,
    pub(crate) took_seconds: f64,
    pub(crate) machine: Machine,
    /// In the order in which they took turns; the first that gave any figure is what the others are
    /// compared with.
    pub(crate) servers: Vec<Contestant>,
    pub(crate) scenarios: Vec<Scenario>,
    /// What a reader must know before believing a figure, such as cores that could not be kept apart.
    pub(crate) warnings: Vec<String>,
}

impl Report {
    /// What the others are compared with, in every scenario: the first server that has a row with
    /// figures in any of them.
    pub(crate) fn first(&self) -> Option<&Contestant> {
        let rows = || self.scenarios.iter().flat_map(|scenario| &scenario.rows);
        let took_part = |server: &&Contestant| {
            rows().any(|row| row.failed.is_none() && row.server == server.name)
        };
        self.servers.iter().find(took_part)
    }
}

/// What it ran on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    /// Soft limits of this process; none where there is no limit.
    pub(crate) open_files: Option<u64>,
    pub(crate) locked_memory_bytes: Option<u64>,
    /// The cores of the server and of the load, where they were kept apart.
    pub(crate) pinned: Option<(usize, usize)>,
    /// Of headwater and of this bench server.
    pub(crate) version: String,
    /// Of valgrind, where it is installed.
    pub(crate) valgrind: Option<String>,
    pub(crate) wrk: Option<String>,
}

/// One server that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contestant {
    /// `io_uring`, `epoll`, `std`, the name of a peer, or the one given with `--against`.
    pub(crate) name: String,
    pub(crate) kind: ContestantKind,
    /// What it says of itself: why this engine, which tier, or its command.
    pub(crate) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContestantKind {
    Engine,
    Peer,
    Against,
}

/// One question put to all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    /// A word in `kebab-case`, the same in every report.
    pub(crate) id: String,
    pub(crate) group: Group,
    pub(crate) title: String,
    /// How its figures were taken, in a sentence or two.
    pub(crate) how: String,
    pub(crate) subscribers: Option<usize>,
    /// Events per second that were published; none for flat out.
    pub(crate) rate: Option<f64>,
    pub(crate) event_bytes: Option<usize>,
    /// Requests that a client has under way.
    pub(crate) depth: Option<usize>,
    /// A row for each server that took part, then the first against itself.
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    Http,
    FanOut,
    Memory,
    Storm,
    SlowReaders,
    OwnStreams,
    Replay,
}

/// What one server did in one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The name of a contestant.
    pub(crate) server: String,
    /// The first server measured once more, in slices of its own: what differs from its row is noise.
    pub(crate) noise: bool,
    /// Those that gave figures, and those that failed.
    pub(crate) slices: usize,
    pub(crate) failed_slices: usize,
    pub(crate) first_failure: Option<String>,
    /// Deliveries, requests or connections per second, by the scenario's group.
    pub(crate) throughput: Option<Spread>,
    /// From when each was due to the last byte received.
    pub(crate) latency: Option<Latency>,
    /// Of the server's processes and of its core's share of the kernel's threads.
    pub(crate) cpu_nanos_per_event: Option<Spread>,
    /// In user space, by callgrind.
    pub(crate) instructions_per_event: Option<f64>,
    pub(crate) events_per_send: Option<f64>,
    /// Of what was due in all slices, from 0 to 1.
    pub(crate) lost: Option<f64>,
    pub(crate) errors: u64,
    /// What another load generator found, where it was asked to check the throughput.
    pub(crate) checked: Option<Check>,
    pub(crate) user_bytes_per_subscriber: Option<Spread>,
    /// Both ends of its sockets.
    pub(crate) kernel_bytes_per_subscriber: Option<Spread>,
    /// The load used its core up: the server may be capable of more.
    pub(crate) load_was_the_limit: bool,
    /// Others used the machine during a slice, even when that was repeated.
    pub(crate) disturbed: bool,
    /// Why there is nothing here.
    pub(crate) failed: Option<String>,
    /// What it lacks, so that it was not asked, which `failed` says, too.
    pub(crate) lacks: Option<String>,
}

/// What another load generator found, in a slice of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Check {
    /// Its name and version, such as `wrk 4.1.0`.
    pub(crate) tool: String,
    pub(crate) throughput: f64,
    pub(crate) cpu_nanos_per_event: Option<f64>,
    /// What it used of its core, and the server of its own, from 0 to 1.
    pub(crate) tool_core_share: f64,
    pub(crate) server_core_share: f64,
    /// Others used the machine meanwhile, even when it was repeated.
    pub(crate) disturbed: bool,
}

/// Over the slices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

/// Percentiles in nanoseconds, each the median over the slices; and the curve of all slices together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: Spread,
    pub(crate) p99: Spread,
    pub(crate) p999: Spread,
    pub(crate) max: Spread,
    /// What was timed in all slices together, where it was counted.
    pub(crate) samples: Option<u64>,
    /// Percentile (0 to 100) and nanoseconds, ascending, at most a hundred points, as far as the samples tell.
    pub(crate) curve: Vec<(f64, f64)>,
}
