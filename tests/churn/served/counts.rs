//! What the server counts, on its way from its process to the test: one line of numbers.

use headwater::{Hub, Stats, sse::Broker};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Counts {
            $($(#[$doc])* pub(crate) $name: u64),*
        }

        impl std::fmt::Display for Counts {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $(write!(f, "{} ", self.$name)?;)*
                Ok(())
            }
        }

        impl Counts {
            /// From the line that `Display` gave.
            #[track_caller]
            pub(crate) fn read(line: &str) -> Self {
                let mut words = line.split_whitespace();
                let mut next = || words.next().and_then(|word| word.parse().ok());
                Self { $($name: next().unwrap_or_else(|| panic!("no counts: {line:?}"))),* }
            }
        }
    };
}

counts! {
    connections,
    streams,
    owed_bytes,
    subscribers,
    /// Handlers that have neither returned nor been dropped.
    handlers,
    /// Events that a core has not read yet.
    backlog,
    accepted,
    accept_failures,
    requests,
    refused,
    delivered,
    dropped,
    published,
}

impl Counts {
    pub(super) fn take(stats: &Stats, hub: &Hub, brokers: &[Broker], handlers: usize) -> Self {
        let subscribers: usize = brokers.iter().map(Broker::subscriber_count).sum();
        Self {
            connections: stats.connections as u64,
            streams: stats.streams as u64,
            owed_bytes: stats.owed_bytes as u64,
            subscribers: subscribers as u64,
            handlers: handlers as u64,
            backlog: hub.backlog() as u64,
            accepted: stats.accepted,
            accept_failures: stats.accept_failures,
            requests: stats.requests,
            refused: stats.refused,
            delivered: stats.events_delivered,
            dropped: brokers.iter().map(Broker::dropped_events).sum(),
            published: brokers.iter().map(Broker::published).sum(),
        }
    }

    /// Whether nothing is held for any client.
    pub(crate) fn is_at_rest(&self) -> bool {
        let clients = [self.connections, self.streams, self.subscribers, self.handlers];
        clients == [0; 4] && self.owed_bytes == 0 && self.backlog == 0
    }
}
