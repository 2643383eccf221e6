//! All connections on one thread, and when they ask: again as soon as they are answered, or on a
//! schedule.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use mio::{Events, Poll};

use super::AskArgs;
use super::client::Client;
use super::sample::{Sample, request};
use crate::load::meter::Meter;
use crate::load::schedule::{Clock, Pace, nanos};
use crate::load::tally::lateness;

/// Bytes read at once.
const SCRATCH_BYTES: usize = 256 * 1024;

/// The longest wait, so that the end of the time is noticed.
const TICK: Duration = Duration::from_millis(20);

/// What is due sooner is not slept for: waking up would take too long.
const SOON: Duration = Duration::from_millis(2);

/// How long answers are waited for in the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request sent this long after it was due, in nanoseconds, was late.
const LATE_NANOS: u64 = 1_000_000;

/// Connections that broke, for each there is, after which no more are opened.
const BREAKS_EACH: u64 = 4;

/// What came of asking, in the measured time.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) answered: u64,
    /// Requests without an answer, or with another than the first.
    pub(super) unanswered: u64,
    /// Connections that ended of themselves, and why the first of them did.
    pub(super) broken: u64,
    pub(super) first_end: Option<String>,
    /// Those that were sent long after they were due.
    pub(super) late: u64,
    pub(super) took: Duration,
    /// Due time to answer, in microseconds: where there was a schedule.
    pub(super) latency_us: Histogram<u64>,
}

/// All connections.
pub(super) struct Crowd<'a> {
    args: &'a AskArgs,
    sample: Sample,
    request: Vec<u8>,
    clock: Clock,
    poll: Poll,
    events: Events,
    clients: Vec<Option<Client>>,
    /// Those that have all their answers, and ask again.
    answered: Vec<usize>,
    scratch: Vec<u8>,
    meter: Meter,
    /// From when on requests that are due are measured.
    measured_from: u64,
    /// When the last answer came that is measured: where there is a schedule.
    last_answer: u64,
    /// Requests that are still to be made, where they are counted.
    left: Option<u64>,
    timed: bool,
    outcome: Outcome,
}

impl<'a> Crowd<'a> {
    /// Connects everyone.
    pub(super) fn new(args: &'a AskArgs, sample: Sample, meter: Meter) -> io::Result<Self> {
        let mut crowd = Self {
            args,
            sample,
            request: request(args.addr, &args.path),
            clock: Clock::new(),
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            answered: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES],
            meter,
            measured_from: u64::MAX,
            last_answer: 0,
            left: None,
            timed: args.rate.is_some(),
            outcome: Outcome {
                answered: 0,
                unanswered: 0,
                broken: 0,
                first_end: None,
                late: 0,
                took: Duration::ZERO,
                latency_us: lateness(),
            },
        };
        for number in 0..args.connections.get() {
            let client = Client::open(args.addr, crowd.poll.registry(), number)?;
            crowd.clients.push(Some(client));
        }
        Ok(crowd)
    }

    /// What was read of the server meanwhile.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Every connection asks again as soon as all it asked for is answered.
    pub(super) fn ask_flat_out(&mut self) -> io::Result<Outcome> {
        let begin = self.clock.now();
        let measured_from = begin + nanos(self.args.warmup);
        self.ask_all()?;
        while self.clock.now() < measured_from {
            self.turn(TICK)?;
        }
        self.begin();
        let ends_at = self.clock.now() + nanos(self.args.duration);
        while self.clock.now() < ends_at {
            self.turn(TICK)?;
        }
        self.end();
        Ok(self.outcome.clone())
    }

    /// So many requests, and no more.
    pub(super) fn ask_times(&mut self, requests: u64) -> io::Result<Outcome> {
        self.left = Some(requests);
        self.begin();
        self.ask_all()?;
        let mut last_change = (0, self.clock.now());
        while self.outcome.answered + self.outcome.unanswered < requests {
            self.turn(TICK)?;
            if self.outcome.answered > last_change.0 {
                last_change = (self.outcome.answered, self.clock.now());
            } else if self.clock.now() - last_change.1 > nanos(PATIENCE * 10) {
                break;
            }
        }
        self.end();
        self.outcome.unanswered = requests - self.outcome.answered;
        Ok(self.outcome.clone())
    }

    /// Requests on a schedule, from one connection after the other. What they cost counts until the last
    /// of them is answered, which may be after the schedule's end.
    pub(super) fn ask_at(&mut self, per_second: f64) -> io::Result<Outcome> {
        let begin = self.clock.now();
        let ends_at = begin + nanos(self.args.warmup + self.args.duration);
        let measured_from = begin + nanos(self.args.warmup);
        let mut pace = Pace::new(begin, per_second);
        let (mut next, mut first) = (0, None);
        while pace.due() < ends_at {
            let due = pace.due();
            let now = self.clock.now();
            if first.is_none() && due >= measured_from && now >= measured_from {
                self.begin();
                self.measured_from = measured_from;
                first = Some(due);
            }
            if due > now {
                let wait = Duration::from_nanos(due - now);
                self.turn(wait.saturating_sub(SOON))?;
                continue;
            }
            self.outcome.late += u64::from(first.is_some() && now - due > LATE_NANOS);
            self.ask(next, 1, due)?;
            next = (next + 1) % self.clients.len();
            pace.advance();
        }
        let until = self.clock.now() + nanos(PATIENCE);
        while self.open_requests() > 0 && self.clock.now() < until {
            self.turn(TICK)?;
        }
        self.end();
        self.outcome.unanswered += self.open_requests();
        self.outcome.took = first
            .map_or(Duration::ZERO, |first| measured_time(first, pace.due(), self.last_answer));
        Ok(self.outcome.clone())
    }

    fn begin(&mut self) {
        self.outcome.answered = 0;
        self.measured_from = 0;
        self.meter.begin();
    }

    fn end(&mut self) {
        self.meter.end();
        self.outcome.took = self.meter.window().length();
    }

    fn open_requests(&self) -> u64 {
        self.clients.iter().flatten().map(|client| client.open_requests() as u64).sum()
    }

    fn ask_all(&mut self) -> io::Result<()> {
        (0..self.clients.len()).try_for_each(|number| self.ask_again(number))
    }

    fn ask_again(&mut self, number: usize) -> io::Result<()> {
        let depth = self.args.depth.get();
        let times = match &mut self.left {
            None => depth,
            Some(left) => {
                let times = usize::try_from(*left).map_or(depth, |left| left.min(depth));
                *left -= times as u64;
                times
            }
        };
        if times == 0 { Ok(()) } else { self.ask(number, times, self.clock.now()) }
    }

    fn ask(&mut self, number: usize, times: usize, due: u64) -> io::Result<()> {
        let Some(client) = &mut self.clients[number] else {
            // It broke too often.
            self.outcome.unanswered += times as u64;
            return Ok(());
        };
        match client.ask(&self.request, times, due) {
            Ok(()) => Ok(()),
            Err(error) => self.broke(number, &error),
        }
    }

    /// Waits for readiness once, and serves every connection that is ready.
    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        // Taken out for the loop, which changes the rest of `self`.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            self.look_at(event.token().0)?;
        }
        self.events = events;
        // Not before all that came is read, as other loads do it: to ask between two answers wakes the
        // server for less at a time.
        std::mem::take(&mut self.answered).into_iter().try_for_each(|number| self.ask_again(number))
    }

    fn look_at(&mut self, number: usize) -> io::Result<()> {
        let Some(client) = &mut self.clients[number] else { return Ok(()) };
        let (outcome, clock) = (&mut self.outcome, self.clock);
        let (timed, from) = (self.timed, self.measured_from);
        let mut now = None;
        let mut answered = 0;
        let seen = client.write().and_then(|()| {
            client.read(&mut self.scratch, &self.sample, |due| {
                if due < from {
                    return;
                }
                answered += 1;
                if timed {
                    let now = *now.get_or_insert_with(|| clock.now());
                    outcome.latency_us.saturating_record(now.saturating_sub(due) / 1_000);
                }
            })
        });
        outcome.answered += answered;
        self.last_answer = now.unwrap_or(self.last_answer);
        let idle = client.open_requests() == 0;
        if let Err(error) = seen {
            return self.broke(number, &error);
        }
        if idle && !self.timed {
            self.answered.push(number);
        }
        Ok(())
    }

    /// Another connection takes the place of one that ended, unless that happens too often.
    fn broke(&mut self, number: usize, error: &io::Error) -> io::Result<()> {
        let open = self.clients[number].take().map_or(0, |client| client.open_requests());
        self.outcome.unanswered += open as u64;
        self.outcome.broken += 1;
        self.outcome.first_end.get_or_insert_with(|| error.to_string());
        if self.outcome.broken > BREAKS_EACH * self.clients.len() as u64 {
            return Ok(());
        }
        let client = Client::open(self.args.addr, self.poll.registry(), number)?;
        self.clients[number] = Some(client);
        if self.timed { Ok(()) } else { self.ask_again(number) }
    }
}

/// The time that requests on a schedule are set against: from when the first is due to when the next one
/// would be, however late they were sent; to the last answer where that came later. No more are answered
/// in it than were due.
fn measured_time(first_due: u64, next_due: u64, last_answer: u64) -> Duration {
    Duration::from_nanos(next_due.max(last_answer).saturating_sub(first_due))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_answered_in_a_time_than_was_due_in_it() {
        let mut pace = Pace::new(0, 1_000.0);
        (0..100).for_each(|_| pace.advance());
        let first = pace.due();
        (0..10).for_each(|_| pace.advance());
        // Ten requests, one each millisecond.
        let ten = Duration::from_millis(10);
        assert_eq!(measured_time(first, pace.due(), 0), ten);
        assert_eq!(measured_time(first, pace.due(), pace.due() - 1), ten);
        let late = pace.due() + 5_000_000;
        assert_eq!(measured_time(first, pace.due(), late), Duration::from_millis(15));
    }
}
