//! Clients that mean no good, of several kinds at once, on a thread of their own: whoever is put an end
//! to comes again after a second. Counts what the server makes of them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::Events;

use super::Signals;
use super::abuse::{Abuse, Paths};
use super::agenda::Agenda;
use super::wire::{End, Wire};

/// Time until an abuser that was put an end to is there again.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes read at once.
const SCRATCH_BYTES: usize = 16 * 1024;
/// Reads in the end, to see whether a connection that was not read before has ended.
const LAST_READS: usize = 16;
/// Where the status is in the first line of an answer.
const STATUS: std::ops::Range<usize> = 9..12;

/// Who abuses, and how.
#[derive(Clone, Debug)]
pub(crate) struct Abusing {
    pub(crate) addr: SocketAddr,
    pub(crate) paths: Paths,
    pub(crate) kinds: Vec<Abuse>,
    /// Of all kinds together, in equal parts.
    pub(crate) abusers: usize,
    /// Time over which the first of them come.
    pub(crate) within: Duration,
}

/// What became of all of them, by kind.
pub(crate) type Abused = Vec<(Abuse, Ends)>;

/// What became of the abusers of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// Connections that were begun.
    pub(crate) opened: u64,
    /// Those that never came about.
    pub(crate) unconnected: u64,
    /// Those that were answered before they ended, by the status of the first answer.
    pub(crate) answered: BTreeMap<u16, u64>,
    /// Those that were closed or reset without any that was read.
    pub(crate) closed: u64,
    pub(crate) reset: u64,
    /// Those that the abuser ended.
    pub(crate) given_up: u64,
    /// Those that were open at the end.
    pub(crate) open: u64,
}

struct Abuser {
    kind: Abuse,
    wire: Option<Wire>,
    /// The begin of the first answer.
    answer: Vec<u8>,
    /// How often it came.
    turns: usize,
}

struct Abusers<'a> {
    abusing: &'a Abusing,
    all: Vec<Abuser>,
    ends: Vec<Ends>,
    scratch: Vec<u8>,
}

/// Abuses until told to stop.
pub(super) fn abuse(abusing: &Abusing, signals: &Signals) -> io::Result<Abused> {
    let kind_of = |number: usize| abusing.kinds[number % abusing.kinds.len()];
    let new = |number| Abuser { kind: kind_of(number), wire: None, answer: Vec::new(), turns: 0 };
    let mut agenda = Agenda::new()?;
    let mut abusers = Abusers {
        abusing,
        all: (0..abusing.abusers).map(new).collect(),
        ends: vec![Ends::default(); abusing.kinds.len()],
        scratch: vec![0; SCRATCH_BYTES],
    };
    let begin = Instant::now();
    for number in 0..abusing.abusers {
        let share = u32::try_from(number).unwrap_or(u32::MAX);
        let of = u32::try_from(abusing.abusers).unwrap_or(u32::MAX);
        agenda.put(begin + abusing.within.mul_f64(f64::from(share) / f64::from(of)), number);
    }
    let mut events = Events::with_capacity(1024);
    while !signals.stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        while let Some(number) = agenda.take(now) {
            abusers.act(&mut agenda, number);
        }
        agenda.wait(&mut events, None, |agenda, number, event| {
            let over = event.is_error() || event.is_read_closed();
            if let Err(end) = abusers.look_at(agenda, number, over) {
                abusers.ended(agenda, number, &end);
            }
        })?;
    }
    abusers.last_look(&mut agenda);
    Ok(abusing.kinds.iter().copied().zip(abusers.ends).collect())
}

impl Abusers<'_> {
    fn ends(&mut self, number: usize) -> &mut Ends {
        let kinds = self.ends.len();
        &mut self.ends[number % kinds]
    }

    /// What was put on the agenda: to come, or to send another byte.
    fn act(&mut self, agenda: &mut Agenda, number: usize) {
        let abuser = &mut self.all[number];
        let Some(wire) = &mut abuser.wire else { return self.come(agenda, number) };
        let Some(period) = abuser.kind.trickle() else { return };
        wire.push(b"x");
        agenda.put(Instant::now() + period, number);
        if let Err(end) = wire.advance() {
            // Another is on the agenda already: when it is due, this abuser comes again.
            self.note(number, &end);
        }
    }

    fn come(&mut self, agenda: &mut Agenda, number: usize) {
        let abuser = &mut self.all[number];
        let (kind, abusing) = (abuser.kind, self.abusing);
        abuser.answer.clear();
        abuser.turns += 1;
        let turn = number + abuser.turns;
        let registry = agenda.registry();
        let opened = Wire::open(abusing.addr, registry, number, turn, kind.buffers());
        let Ok(mut wire) = opened else {
            // Counted; without a free port or file the next one fares no better.
            self.ends(number).unconnected += 1;
            return agenda.put(Instant::now() + PAUSE, number);
        };
        wire.push(&kind.opening(abusing.addr, &abusing.paths));
        abuser.wire = Some(wire);
        if let Some(period) = kind.trickle() {
            agenda.put(Instant::now() + period, number);
        }
        self.ends(number).opened += 1;
    }

    fn look_at(&mut self, agenda: &mut Agenda, number: usize, over: bool) -> Result<(), End> {
        let abuser = &mut self.all[number];
        let Some(wire) = &mut abuser.wire else { return Ok(()) };
        let mut out = wire.advance()?;
        if !wire.is_connected() {
            return Ok(());
        }
        if abuser.kind == Abuse::Connects {
            let resets = abuser.turns.is_multiple_of(2);
            if let Some(wire) = abuser.wire.take().filter(|_| resets) {
                wire.reset()?;
            }
            self.ends(number).given_up += 1;
            agenda.put(Instant::now() + PAUSE, number);
            return Ok(());
        }
        while out && abuser.kind.floods() {
            wire.push(&abuser.kind.opening(self.abusing.addr, &self.abusing.paths));
            out = wire.advance()?;
        }
        if abuser.kind.reads() || over {
            while let Some(count) = wire.read(&mut self.scratch)? {
                let room = STATUS.end.saturating_sub(abuser.answer.len()).min(count);
                abuser.answer.extend_from_slice(&self.scratch[..room]);
            }
        }
        Ok(())
    }

    /// An abuser was put an end to: it comes again, by the byte that is due if it trickles.
    fn ended(&mut self, agenda: &mut Agenda, number: usize, end: &End) {
        self.note(number, end);
        if self.all[number].kind.trickle().is_none() {
            agenda.put(Instant::now() + PAUSE, number);
        }
    }

    fn note(&mut self, number: usize, end: &End) {
        let abuser = &mut self.all[number];
        let connected = abuser.wire.take().is_some_and(|wire| wire.is_connected());
        let status = abuser.answer.get(STATUS).and_then(|text| str::from_utf8(text).ok());
        let status = status.and_then(|text| text.parse().ok());
        let reads = abuser.kind.reads();
        let ends = self.ends(number);
        match (status, end) {
            (Some(status), _) if reads => *ends.answered.entry(status).or_default() += 1,
            _ if !connected => ends.unconnected += 1,
            (_, End::Closed) => ends.closed += 1,
            (_, End::Reset | End::Failed(_)) => ends.reset += 1,
        }
    }

    /// Whether a connection has ended that was not read shows only behind what was not read.
    fn last_look(&mut self, agenda: &mut Agenda) {
        for number in 0..self.all.len() {
            let mut end = None;
            if let Some(wire) = &mut self.all[number].wire {
                for _ in 0..LAST_READS {
                    match wire.read(&mut self.scratch) {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(ended) => {
                            end = Some(ended);
                            break;
                        }
                    }
                }
                match end {
                    Some(end) => self.ended(agenda, number, &end),
                    None => self.ends(number).open += 1,
                }
            }
        }
    }
}
