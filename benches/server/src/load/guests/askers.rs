//! Good clients that make requests over keep-alive connections, on a schedule that waits for no answer,
//! and time each from when it was due to its answer's head. They run on a thread of their own.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::Events;

use super::Signals;
use super::agenda::Agenda;
use super::wire::{End, Wire};
use crate::load::answers::Answers;
use crate::load::schedule::{Clock, Pace};
use crate::load::sockets::Buffers;
use crate::load::tally::lateness;

/// How long answers are waited for in the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes read at once.
const SCRATCH_BYTES: usize = 64 * 1024;

/// What is asked, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) addr: SocketAddr,
    pub(crate) path: String,
    pub(crate) clients: usize,
    /// Of all clients together.
    pub(crate) per_second: f64,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Requests that were due.
    pub(crate) sent: u64,
    /// Those answered with 2xx, and otherwise.
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    /// Those without an answer.
    pub(crate) unanswered: u64,
    /// Connections that ended of themselves, and why the first of them did.
    pub(crate) broken: u64,
    pub(crate) first_end: Option<String>,
    /// Due time to answer, of those due in the measured time, in microseconds.
    pub(crate) latency_us: Histogram<u64>,
}

#[derive(Default)]
struct Asker {
    wire: Option<Wire>,
    answers: Answers,
    /// When the open requests were due, and whether they are measured.
    open: VecDeque<(u64, bool)>,
}

struct Askers<'a> {
    asking: &'a Asking,
    clock: Clock,
    agenda: Agenda,
    all: Vec<Asker>,
    request: Vec<u8>,
    scratch: Vec<u8>,
    asked: Asked,
}

/// Asks until told to stop, and waits for the answers then.
pub(super) fn ask(asking: &Asking, signals: &Signals) -> io::Result<Asked> {
    let Asking { addr, path, clients, per_second } = asking;
    let clock = Clock::new();
    let mut askers = Askers {
        asking,
        clock,
        agenda: Agenda::new()?,
        all: (0..*clients).map(|_| Asker::default()).collect(),
        request: format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").into_bytes(),
        scratch: vec![0; SCRATCH_BYTES],
        asked: Asked {
            sent: 0,
            answered: 0,
            refused: 0,
            unanswered: 0,
            broken: 0,
            first_end: None,
            latency_us: lateness(),
        },
    };
    let mut pace = Pace::new(clock.now(), *per_second);
    let mut events = Events::with_capacity(1024);
    let mut next = 0;
    let mut stopped: Option<Instant> = None;
    loop {
        if stopped.is_none() && signals.stop.load(Ordering::Relaxed) {
            stopped = Some(Instant::now());
        }
        while stopped.is_none() && pace.due() <= clock.now() {
            askers.request(next, pace.due(), &signals.measuring);
            next = (next + 1) % clients;
            pace.advance();
        }
        if stopped.is_some_and(|since| askers.is_done() || since.elapsed() > PATIENCE) {
            break;
        }
        let wait = Duration::from_nanos(pace.due().saturating_sub(clock.now()));
        let until = stopped.is_none().then(|| Instant::now() + wait);
        askers.turn(&mut events, until)?;
    }
    let Askers { all, mut asked, .. } = askers;
    asked.unanswered += all.iter().map(|asker| asker.open.len() as u64).sum::<u64>();
    Ok(asked)
}

impl Askers<'_> {
    fn request(&mut self, number: usize, due: u64, measuring: &AtomicBool) {
        self.asked.sent += 1;
        let asker = &mut self.all[number];
        if asker.wire.is_none() {
            let registry = self.agenda.registry();
            match Wire::open(self.asking.addr, registry, number, number, Buffers::Usual) {
                Ok(wire) => asker.wire = Some(wire),
                Err(error) => {
                    self.asked.unanswered += 1;
                    return self.ended(number, &error.into());
                }
            }
        }
        asker.open.push_back((due, measuring.load(Ordering::Relaxed)));
        if let Some(wire) = &mut asker.wire {
            wire.push(&self.request);
            // Where the connection is not there yet, its readiness goes on with it.
            if wire.is_connected()
                && let Err(end) = wire.advance()
            {
                self.ended(number, &end);
            }
        }
    }

    fn turn(&mut self, events: &mut Events, until: Option<Instant>) -> io::Result<()> {
        let mut ready = Vec::new();
        self.agenda.wait(events, until, |_, number, _| ready.push(number))?;
        for number in ready {
            if let Err(end) = self.look_at(number) {
                self.ended(number, &end);
            }
        }
        Ok(())
    }

    fn look_at(&mut self, number: usize) -> Result<(), End> {
        let (Asker { wire, answers, open }, asked) = (&mut self.all[number], &mut self.asked);
        let Some(wire) = wire else { return Ok(()) };
        wire.advance()?;
        if !wire.is_connected() {
            return Ok(());
        }
        while let Some(count) = wire.read(&mut self.scratch)? {
            let now = self.clock.now();
            let on_status = |status| {
                let (due, measured) = open.pop_front().unwrap_or((now, false));
                if (200..300).contains(&status) {
                    asked.answered += 1;
                } else {
                    asked.refused += 1;
                }
                if measured {
                    asked.latency_us.saturating_record(now.saturating_sub(due) / 1_000);
                }
            };
            let taken = answers.receive(&self.scratch[..count], on_status);
            taken.map_err(|bad| End::Failed(io::Error::other(bad.to_string())))?;
        }
        Ok(())
    }

    fn ended(&mut self, number: usize, end: &End) {
        let asker = std::mem::take(&mut self.all[number]);
        self.asked.broken += 1;
        self.asked.unanswered += asker.open.len() as u64;
        self.asked.first_end.get_or_insert_with(|| end.to_string());
    }

    fn is_done(&self) -> bool {
        self.all.iter().all(|asker| asker.open.is_empty())
    }
}
