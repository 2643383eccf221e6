//! All clients of a run: a thread each, one action after the other until the time is over or one of
//! them has seen what must not be. And one that comes before all others and asks all along.

use crate::actions::ACTIONS;
use crate::client::Client;
use crate::support::{Numbers, Peer};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

/// Between two questions of the witness.
const WITNESS_PAUSE: Duration = Duration::from_millis(5);

pub(crate) struct Crowd {
    pub(crate) addr: SocketAddr,
    pub(crate) clients: usize,
    pub(crate) seed: u64,
    pub(crate) duration: Duration,
    /// The server has fewer descriptors than there are clients.
    pub(crate) may_give_way: bool,
}

/// What clients have done and checked.
#[derive(Default)]
pub(crate) struct Tally {
    actions: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) events: AtomicU64,
    /// Streams that ended as they must while a client read.
    pub(crate) endings: AtomicU64,
    /// Clients that were sent away unheard because there was no room.
    pub(crate) gave_way: AtomicU64,
    /// Answers to the witness.
    witnessed: AtomicU64,
}

impl Crowd {
    /// # Panics
    /// If a client has seen what must not be, or none has seen anything.
    pub(crate) fn run(&self, witness: Peer) -> Tally {
        let tally = Tally::default();
        let over = Over { until: Instant::now() + self.duration, failed: AtomicBool::new(false) };
        thread::scope(|scope| {
            scope.spawn(|| watch(witness, &tally, &over));
            for number in 0..self.clients {
                let (tally, over) = (&tally, &over);
                Builder::new()
                    .name(format!("client {number}"))
                    .spawn_scoped(scope, move || self.live(number, tally, over))
                    .expect("the system has room for a thread per client");
            }
        });
        for (what, count) in [
            ("answers", &tally.answers),
            ("events", &tally.events),
            ("ends of streams", &tally.endings),
            ("answers to the witness", &tally.witnessed),
        ] {
            assert!(count.load(Ordering::Relaxed) > 0, "no {what} at all: {tally}");
        }
        tally
    }

    /// The life of one client.
    fn live(&self, number: usize, tally: &Tally, over: &Over) {
        let seed = self.seed.wrapping_add(number as u64);
        let (addr, may_give_way) = (self.addr, self.may_give_way);
        let mut client = Client { addr, numbers: Numbers::new(seed), tally, may_give_way };
        // At least one, and all of them together try everything.
        let mut next = number % ACTIONS.len();
        loop {
            let (name, action) = ACTIONS[next];
            let doing = Doing { name, over };
            action(&mut client);
            drop(doing);
            tally.actions.fetch_add(1, Ordering::Relaxed);
            if over.is_over() {
                return;
            }
            next = client.numbers.below(ACTIONS.len());
        }
    }
}

/// Asks again and again on a connection that was there first, and must not suffer from the others.
fn watch(mut witness: Peer, tally: &Tally, over: &Over) {
    let _doing = Doing { name: "witness", over };
    while !over.is_over() {
        witness.ask("/");
        assert_eq!(witness.answer().text(), "ok");
        tally.witnessed.fetch_add(1, Ordering::Relaxed);
        thread::sleep(WITNESS_PAUSE);
    }
}

struct Over {
    until: Instant,
    failed: AtomicBool,
}

impl Over {
    fn is_over(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// Says what failed, and lets the others end.
struct Doing<'a> {
    name: &'static str,
    over: &'a Over,
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.over.failed.store(true, Ordering::Relaxed);
            eprintln!("{} failed at: {}", thread::current().name().unwrap_or("witness"), self.name);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (actions, answers, events) = (of(&self.actions), of(&self.answers), of(&self.events));
        write!(f, "{actions} actions, {answers} answers and {events} events checked, ")?;
        write!(f, "{} ends of streams seen, ", of(&self.endings))?;
        write!(f, "{} clients gave way, ", of(&self.gave_way))?;
        write!(f, "{} answers to the witness", of(&self.witnessed))
    }
}
