//! What the benchmarks share: a core whose sockets take all that they are offered and keep count.

#![allow(dead_code, reason = "not every benchmark uses all of it")]

use bytes::Bytes;
use headwater_sse::{
    Attempt, Broker, Client, ClientConfig, Command, Counts, Egress, Fanout, Framing, Home, Outcome,
    StreamId, Wake,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The head of every stream.
pub(crate) const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A core without a mailbox and without sleep: whoever runs it looks.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) wakes: AtomicU64,
    /// What clients' handles have asked for: for whoever has such clients to carry out.
    pub(crate) posted: Mutex<Vec<Command>>,
}

impl Home for Desk {
    fn post(&self, command: Command) {
        self.posted.lock().expect("nobody panics with it").push(command);
    }
}

impl Wake for Desk {
    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sockets that take everything, or nothing.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) sends: u64,
    pub(crate) batches: u64,
    pub(crate) bytes: u64,
    /// Sockets from this number on are full.
    pub(crate) full_from: Option<u64>,
    /// How long each send takes.
    pub(crate) send_time: Duration,
}

impl Egress for Sockets {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        self.batches += 1;
        self.sends += batch.len() as u64;
        for attempt in batch {
            if self.full_from.is_some_and(|full| attempt.to >= full) {
                continue;
            }
            let len: usize = attempt.slices.iter().map(|slice| slice.len()).sum();
            self.bytes += len as u64;
            attempt.outcome = Outcome::Sent(len);
            if !self.send_time.is_zero() {
                let begin = Instant::now();
                while begin.elapsed() < self.send_time {
                    std::hint::spin_loop();
                }
            }
        }
    }
}

pub(crate) struct Core {
    pub(crate) fanout: Fanout,
    pub(crate) sockets: Sockets,
    pub(crate) counts: Arc<Counts>,
    pub(crate) desk: Arc<Desk>,
    config: Arc<ClientConfig>,
    next: u64,
    pub(crate) now: u32,
}

impl Core {
    pub(crate) fn new() -> Self {
        let (desk, counts) = (Arc::<Desk>::default(), Arc::<Counts>::default());
        let fanout = Fanout::new(desk.clone(), desk.clone(), counts.clone());
        let config = Arc::new(ClientConfig::new().ends_with_brokers(true));
        Self { fanout, sockets: Sockets::default(), counts, desk, config, next: 0, now: 1 }
    }

    /// A subscriber as a feed has it. Returns it with the number of its socket.
    pub(crate) fn subscriber(&mut self, broker: &Broker) -> (u64, StreamId) {
        let (to, id) = (self.next, self.stream());
        self.fanout.subscribe(id, broker).expect("an open stream and broker");
        (to, id)
    }

    /// A stream that is subscribed to nothing yet.
    pub(crate) fn stream(&mut self) -> StreamId {
        let to = self.next;
        self.next += 1;
        let head = Bytes::copy_from_slice(HEAD);
        self.fanout.open(to, Framing::Chunked, head, &self.config, None)
    }

    /// These many subscribers, whose heads have left.
    pub(crate) fn subscribers(&mut self, broker: &Broker, many: usize) {
        for begin in (0..many).step_by(100) {
            // As connections come: the head of one has left before the next but some are here.
            for _ in begin..many.min(begin + 100) {
                self.subscriber(broker);
            }
            self.run();
        }
    }

    /// A stream with a client of its own, to whom a handler would send.
    pub(crate) fn client(&mut self) -> Client {
        let head = Bytes::from_static(HEAD);
        let id = self.fanout.open(self.next, Framing::Chunked, head, &self.config, None);
        self.next += 1;
        self.fanout.client(id)
    }

    /// Carries out what clients' handles have asked for.
    pub(crate) fn obey(&mut self) {
        let posted = std::mem::take(&mut *self.desk.posted.lock().expect("nobody panics with it"));
        for command in posted {
            self.fanout.command(command);
        }
    }

    /// Reads what was published and sends it, until nothing is left to do.
    pub(crate) fn run(&mut self) {
        while self.fanout.absorb() > 0 || self.fanout.round(&mut self.sockets, self.now) {}
        let over = self.fanout.next_over();
        assert!(over.is_none(), "a stream ended: {over:?}");
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.counts.delivered.load(Ordering::Relaxed)
    }
}

/// Data of an event that has 128 bytes as it is sent, its id apart.
pub(crate) fn data() -> String {
    "x".repeat(128 - "data: \n\n".len())
}

/// The middle one.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
