//! What the server counts, on its way from its process to the test: one line of numbers.

use super::lives::Watch;
use headwater::{Hub, Stats, sse::Broker};
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    (
        held { $($(#[$held_doc:meta])* $held:ident),* $(,)? }
        done { $($(#[$done_doc:meta])* $done:ident),* $(,)? }
        total { $($(#[$total_doc:meta])* $total:ident),* $(,)? }
    ) => {
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Counts {
            $($(#[$held_doc])* pub(crate) $held: u64,)*
            $($(#[$done_doc])* pub(crate) $done: u64,)*
            $($(#[$total_doc])* pub(crate) $total: u64,)*
        }

        impl std::fmt::Display for Counts {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $(write!(f, "{} ", self.$held)?;)*
                $(write!(f, "{} ", self.$done)?;)*
                $(write!(f, "{} ", self.$total)?;)*
                Ok(())
            }
        }

        impl Counts {
            /// From the line that `Display` gave.
            #[track_caller]
            pub(crate) fn read(line: &str) -> Self {
                let mut words = line.split_whitespace();
                let mut next = || words.next().and_then(|word| word.parse().ok())
                    .unwrap_or_else(|| panic!("no counts: {line:?}"));
                Self { $($held: next(),)* $($done: next(),)* $($total: next(),)* }
            }

            /// Whether nothing is held for any client.
            pub(crate) fn is_at_rest(&self) -> bool {
                [$(self.$held),*].iter().all(|&held| held == 0)
            }

            /// Adds what an earlier server has done.
            pub(super) fn add(&mut self, earlier: &Self) {
                $(self.$done += earlier.$done;)*
            }
        }
    };
}

counts! {
    // At this moment.
    held {
        connections,
        streams,
        owed_bytes,
        subscribers,
        /// Futures of handlers.
        tasks,
        /// Handlers on threads.
        threads,
        /// Streams that handlers pass on.
        forwarded,
        /// Streams between `on_connect` and `on_disconnect`.
        admitted,
        /// Events that a core has not read yet.
        backlog,
    }
    // By all servers together.
    done {
        accepted,
        accept_failures,
        requests,
        refused,
        delivered,
        /// Handlers that panicked and bodies that failed.
        failures,
        restarts,
        /// Connections that were cut by drains.
        cut,
    }
    // By brokers and handlers.
    total {
        published,
        /// By brokers, for subscribers that were too slow.
        dropped,
        /// By the queues of clients.
        unqueued,
        /// Streams that were ended because their client was too slow, of those that say goodbye.
        slow_ends,
        /// Calls of the callback about slow subscribers.
        asked,
    }
}

impl Counts {
    /// What one server has done and holds, and what is held in its process.
    pub(super) fn take(stats: &Stats, hub: &Hub, brokers: &[Broker], watch: &Watch) -> Self {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let subscribers: usize = brokers.iter().map(Broker::subscriber_count).sum();
        Self {
            connections: stats.connections as u64,
            streams: stats.streams as u64,
            owed_bytes: stats.owed_bytes as u64,
            subscribers: subscribers as u64,
            tasks: watch.tasks.count(),
            threads: watch.threads.count(),
            forwarded: watch.forwarded.count(),
            admitted: of(&watch.admitted),
            backlog: hub.backlog() as u64,
            accepted: stats.accepted,
            accept_failures: stats.accept_failures,
            requests: stats.requests,
            refused: stats.refused,
            delivered: stats.events_delivered,
            failures: stats.handler_panics + stats.failed_bodies,
            restarts: 0,
            cut: 0,
            published: brokers.iter().map(Broker::published).sum(),
            dropped: brokers.iter().map(Broker::dropped_events).sum(),
            unqueued: of(&watch.unqueued),
            slow_ends: of(&watch.slow_ends),
            asked: of(&watch.asked),
        }
    }
}
