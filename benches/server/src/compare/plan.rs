//! A question that is put to all servers: what it is called, what the server and the load are started
//! with, and how long a slice of it takes. Which questions there are stands in `scenarios`.

use super::model::{Group, Scenario};
use crate::load::report::float;

/// What a slice takes besides what is measured: two processes start, and end.
const OVERHEAD_SECONDS: f64 = 0.15;

/// Connections that are opened each second, about.
const CONNECTS_PER_SECOND: f64 = 15_000.0;

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Without rows.
    pub(super) scenario: Scenario,
    pub(super) needs: Needs,
    /// Flags of the server, where it is a bench server.
    pub(super) server_flags: Vec<String>,
    /// The command of the bench server that is the load, and its flags.
    pub(super) load: Vec<String>,
    pub(super) slices: usize,
    /// What a slice takes, about.
    pub(super) seconds: f64,
    /// Connections of the load.
    pub(super) connections: usize,
    /// How instructions are counted, where they are.
    pub(super) counted: Option<Counted>,
    /// What another load generator is to ask, where one checks the figures.
    pub(super) checked: Option<Checked>,
}

/// The same question as another load generator puts it.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) path: &'static str,
    /// Requests sent at once on each connection.
    pub(super) depth: usize,
    /// Measured time: such tools know whole seconds only.
    pub(super) seconds: u64,
    /// Of the first server only.
    pub(super) first_only: bool,
}

impl Checked {
    /// How many servers it is asked of, the first ones.
    pub(super) fn servers(&self) -> usize {
        if self.first_only { 1 } else { usize::MAX }
    }
}

/// Two loads of which one does twice as much: what they differ by is what it costs.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) loads: [Vec<String>; 2],
    /// Where their reports say how much was done.
    pub(super) done: &'static str,
}

/// What a server must have to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// `/plaintext`
    Plaintext,
    /// `/json`
    Json,
    /// `/events` and `/publish`
    Events,
    /// The same, and that its process can be seen.
    Process,
    /// `/ticks`
    Ticks,
    /// `/events`, `/publish` and a store
    Store,
}

impl Needs {
    /// What it is, in words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "/plaintext",
            Self::Json => "/json",
            Self::Events => "/events and /publish",
            Self::Process => "process that can be seen",
            Self::Ticks => "/ticks",
            Self::Store => "store that is asked for with --replay",
        }
    }
}

impl Plan {
    /// A question with these words for the load. `measured` are the seconds that these make it take.
    pub(super) fn new(id: &str, group: Group, title: &str, needs: Needs, load: &str) -> Self {
        Self {
            scenario: Scenario {
                id: id.to_owned(),
                group,
                title: title.to_owned(),
                how: String::new(),
                subscribers: None,
                rate: None,
                event_bytes: None,
                depth: None,
                rows: Vec::new(),
            },
            needs,
            server_flags: Vec::new(),
            load: words(load),
            slices: 1,
            seconds: 0.0,
            connections: 0,
            counted: None,
            checked: None,
        }
    }

    /// How its figures are taken.
    pub(super) fn how(mut self, how: &str) -> Self {
        how.clone_into(&mut self.scenario.how);
        self
    }

    /// So many slices of each server, each with so many connections and so long besides.
    pub(super) fn taking(mut self, slices: usize, seconds: f64, connections: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 connections")]
        let connecting = connections as f64 / CONNECTS_PER_SECOND;
        self.slices = slices;
        self.seconds = OVERHEAD_SECONDS + connecting + seconds;
        self.connections = connections;
        self
    }

    /// Instructions are counted with this load: the words after `load` are for so much, and twice as much.
    pub(super) fn counting(mut self, load: &str, amounts: [&str; 2], done: &'static str) -> Self {
        let loads = amounts.map(|amount| words(&format!("{load} {amount}")));
        self.counted = Some(Counted { loads, done });
        self
    }

    /// What a check of one server takes, about; nothing where there is none.
    pub(super) fn check_seconds(&self) -> f64 {
        let asked = self.checked.as_ref();
        asked.map_or(0.0, |asked| OVERHEAD_SECONDS + float(asked.seconds))
    }

    /// The server is started with these flags.
    pub(super) fn served_with(mut self, flags: &str) -> Self {
        self.server_flags = words(flags);
        self
    }

    /// What is published, and to how many.
    pub(super) fn publishing(
        mut self,
        subscribers: usize,
        rate: Option<f64>,
        event_bytes: usize,
    ) -> Self {
        self.scenario.subscribers = Some(subscribers);
        self.scenario.rate = rate;
        self.scenario.event_bytes = Some(event_bytes);
        self
    }
}

/// Words of a command line; none of them holds a space.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
