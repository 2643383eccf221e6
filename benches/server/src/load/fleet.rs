//! All subscribers on one thread: connects them with bounded parallelism and reads them as they
//! become readable. Publishes nothing, and judges nothing itself: see `tally`.
//!
//! - `census`: how many are in which condition
//! - `account`: what was due to them in the end, and what came
//! - `churn`, `storm`: subscribers that leave, and those that come

mod account;
mod census;
mod churn;
mod storm;
#[cfg(test)]
mod tests;

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

pub(crate) use account::Account;
pub(crate) use census::Census;
use churn::Churn;
pub(crate) use churn::ChurnOutcome;
use storm::Storm;
pub(crate) use storm::StormOutcome;

use super::answered::Shared;
use super::ledger::Stay;
use super::schedule::{Clock, Schedule};
use super::sockets;
use super::subscriber::{Cause, Habit, Means, Request, Step, Subscriber};
use super::tally::Tally;

/// Connections that may be pending at once: below any usual listen backlog.
const PENDING_LIMIT: usize = 64;

/// Connecting is given up when nothing happened for this long.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Subscribers from one loopback address; each takes one of about 28,000 ephemeral ports. The rest
/// is for ports that wait to be used again.
const PER_SOURCE: usize = 10_000;

/// Bytes read at once. Shared by all subscribers.
const SCRATCH_BYTES: usize = 128 * 1024;

/// Bytes taken from the kernel at once without looking at them.
const UNREAD_BYTES: usize = 1024 * 1024;

/// The longest the loop sleeps before it looks at its end condition.
const TICK: Duration = Duration::from_millis(50);

/// Slow subscribers read this often.
const SLOW_PERIOD: Duration = Duration::from_millis(50);

/// All subscribers.
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    clock: Clock,
    shared: Arc<Shared>,
    request: Request,
    scratch: Vec<u8>,
    unread: Vec<MaybeUninit<u8>>,
    subscribers: Vec<Subscriber>,
    pending: usize,
    /// The stays of those that left.
    over: Vec<Stay>,
    /// Stream bytes of each subscriber when the first event was published.
    bytes_before: Vec<u64>,
    slow_bytes: usize,
    slow_due: Instant,
    /// Those that check events of this load, once it is known.
    checking: u64,
    /// The id that everyone says to have seen who comes for the first time.
    came_back_after: Option<u64>,
    churn: Option<Churn>,
    storm: Option<Storm>,
    /// How many are in which condition.
    pub(crate) census: Census,
    /// What they received.
    pub(crate) tally: Tally,
    /// What the slow ones received.
    pub(crate) slow_tally: Tally,
}

impl Fleet {
    /// An empty fleet that will subscribe to `path` at `target`.
    pub(crate) fn new(
        target: SocketAddr,
        path: &str,
        clock: Clock,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clock,
            shared,
            request: Request { target, path: path.to_owned() },
            scratch: vec![0; SCRATCH_BYTES],
            unread: vec![MaybeUninit::uninit(); UNREAD_BYTES],
            subscribers: Vec::new(),
            pending: 0,
            over: Vec::new(),
            bytes_before: Vec::new(),
            slow_bytes: 0,
            slow_due: Instant::now(),
            checking: 0,
            came_back_after: None,
            churn: None,
            storm: None,
            census: Census::default(),
            tally: Tally::new(clock),
            slow_tally: Tally::new(clock),
        })
    }

    /// Sets how fast slow subscribers read, in bytes per second. They read nothing before.
    pub(crate) fn pace_slow(&mut self, bytes_per_second: usize) {
        let per_second = Duration::from_secs(1).as_millis() / SLOW_PERIOD.as_millis();
        let turns = usize::try_from(per_second).expect("a small constant");
        self.slow_bytes = bytes_per_second.div_ceil(turns);
    }

    /// Who connects from now on says to have seen this id.
    pub(crate) fn come_back_after(&mut self, id: u64) {
        self.came_back_after = Some(id);
    }

    /// Connects `count` more subscribers, each of the habit that `habit` gives for its index among
    /// them; returns when each has a stream or a refusal. `told` hears how many.
    pub(crate) fn connect(
        &mut self,
        count: usize,
        habit: impl Fn(usize) -> Habit,
        mut told: impl FnMut(usize),
    ) -> io::Result<()> {
        let begin = self.subscribers.len();
        let mut goal = begin + count;
        let mut last_change = Instant::now();
        let mut settled = self.census.settled();
        let settled_before = settled;
        while self.pending > 0 || self.subscribers.len() < goal {
            while self.pending < PENDING_LIMIT && self.subscribers.len() < goal {
                let index = self.subscribers.len();
                let mut subscriber = Subscriber::new(habit(index - begin));
                if let Some(id) = self.came_back_after {
                    subscriber.ledger.come_back_after(id);
                }
                self.subscribers.push(subscriber);
                if let Err(error) = self.open(index, Cause::First, self.clock.now()) {
                    // Without a free file or port the next ones fail alike.
                    self.census.refuse(goal - index, error.to_string());
                    self.subscribers.pop();
                    goal = index;
                }
            }
            self.turn(TICK)?;
            if self.census.settled() > settled {
                (settled, last_change) = (self.census.settled(), Instant::now());
                told(settled - settled_before);
            } else if last_change.elapsed() > CONNECT_PATIENCE {
                self.refuse_pending();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads until `until` says so, and at most until `deadline`.
    pub(crate) fn read_until(
        &mut self,
        deadline: Option<Instant>,
        mut until: impl FnMut(&Self) -> bool,
    ) -> io::Result<()> {
        while !until(self) {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
            self.turn(left.map_or(TICK, |left| left.min(TICK)))?;
        }
        Ok(())
    }

    /// From now on, events of `schedule` are this load's.
    pub(crate) fn expect(&mut self, schedule: Schedule) {
        self.tally.expect(schedule);
        self.slow_tally.expect(schedule);
        let checks = |one: &&Subscriber| one.is_streaming() && one.habit == Habit::Reads;
        self.checking = self.subscribers.iter().filter(checks).count() as u64;
    }

    /// Whether no connection waits for its stream.
    pub(crate) fn nobody_is_coming(&self) -> bool {
        self.pending == 0
    }

    /// Connections that have neither a stream nor a refusal yet count as refused.
    pub(crate) fn refuse_pending(&mut self) {
        let reason = format!("no answer within {} s", CONNECT_PATIENCE.as_secs());
        for index in 0..self.subscribers.len() {
            if self.subscribers[index].stop_waiting() {
                self.note(index, Step::Refused(reason.clone()));
            }
        }
    }

    /// Begins a connection for the subscriber of this index, due at `since`.
    fn open(&mut self, index: usize, cause: Cause, since: u64) -> io::Result<()> {
        let target = self.request.target;
        let subscriber = &mut self.subscribers[index];
        let stream = subscriber.connect(target, source_of(index, target))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream, Token(index), interest)?;
        (subscriber.cause, subscriber.since) = (cause, since);
        self.pending += 1;
        Ok(())
    }

    /// Waits for readiness once, serves everyone who is ready, and does what is due.
    fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = timeout.min(self.until_due());
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        // Taken out for the loop, which changes the rest of `self`.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let ending = event.is_read_closed() || event.is_error();
            self.look_at(event.token().0, |subscriber, means| subscriber.advance(means, ending));
        }
        self.events = events;
        if let Some(events) = self.tally.deliveries.checked_div(self.checking) {
            self.shared.set_arrived(events);
        }
        self.read_slow();
        self.keep_churning();
        self.go_on_storming();
        Ok(())
    }

    /// How long nothing but readiness needs attention.
    fn until_due(&self) -> Duration {
        let slow = self.census.slow > 0 && self.slow_bytes > 0;
        let now = self.clock.now();
        let in_nanos = |due: u64| Duration::from_nanos(due.saturating_sub(now));
        [
            slow.then(|| self.slow_due.saturating_duration_since(Instant::now())),
            self.churn.as_ref().and_then(Churn::due).map(in_nanos),
            self.storm.as_ref().and_then(Storm::due).map(in_nanos),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(TICK)
    }

    fn read_slow(&mut self) {
        if self.census.slow == 0 || self.slow_bytes == 0 || Instant::now() < self.slow_due {
            return;
        }
        // From now on, not from when it was due: who is behind must not read faster.
        self.slow_due = Instant::now() + SLOW_PERIOD;
        let bytes = self.slow_bytes;
        for index in 0..self.subscribers.len() {
            let one = &self.subscribers[index];
            if one.habit == Habit::Slow && one.is_streaming() {
                self.look_at(index, |subscriber, means| subscriber.read_some(means, bytes));
            }
        }
    }

    fn look_at(
        &mut self,
        index: usize,
        look: impl FnOnce(&mut Subscriber, &mut Means<'_>) -> Step,
    ) {
        let Some(subscriber) = self.subscribers.get_mut(index) else { return };
        let tally = match subscriber.habit {
            Habit::Slow => &mut self.slow_tally,
            _ => &mut self.tally,
        };
        let mut means = Means {
            request: &self.request,
            scratch: &mut self.scratch,
            unread: &mut self.unread,
            tally,
            shared: &self.shared,
        };
        let step = look(subscriber, &mut means);
        self.note(index, step);
    }

    /// Takes down what became of a subscriber.
    fn note(&mut self, index: usize, step: Step) {
        let subscriber = &self.subscribers[index];
        match step {
            Step::Same => {}
            Step::Connected => {
                self.pending -= 1;
                match subscriber.cause {
                    Cause::First => self.census.connect(subscriber.habit),
                    Cause::Churn => self.churned_in(index),
                    Cause::Storm => self.returned(index),
                }
            }
            Step::Refused(reason) => {
                self.pending -= 1;
                match subscriber.cause {
                    Cause::First => self.census.refuse(1, reason),
                    Cause::Churn => self.churn_refused(reason),
                    Cause::Storm => self.return_refused(index, reason),
                }
            }
            Step::Lost(reason) => self.census.lose(subscriber.habit, reason),
        }
    }

    /// The first good subscriber from index `from` on whose stream is open.
    fn streaming_from(&self, from: usize) -> Option<usize> {
        let good = |one: &Subscriber| one.is_streaming() && one.habit == Habit::Reads;
        self.subscribers.iter().skip(from).position(good).map(|at| from + at)
    }
}

/// The address to connect from: the kernel's choice, until the ephemeral ports of one loopback
/// address may run short.
fn source_of(index: usize, target: SocketAddr) -> Option<SocketAddr> {
    sockets::loopback(index / PER_SOURCE, target)
}
