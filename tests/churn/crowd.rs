//! All clients of a run: a thread each, one action after the other until the time is over or one of
//! them has seen what must not be. And one that comes before all others and asks all along.

use crate::actions::ACTIONS;
use crate::client::Client;
use crate::place::{Place, Site};
use crate::run::Shape;
use crate::support::{Answer, Numbers, Peer, get};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

/// Between two questions of the witness.
const WITNESS_PAUSE: Duration = Duration::from_millis(5);

pub(crate) struct Crowd<'a> {
    pub(crate) place: &'a Place,
    pub(crate) shape: &'a Shape,
    pub(crate) seed: u64,
    pub(crate) duration: Duration,
}

/// What clients have done and checked.
#[derive(Default)]
pub(crate) struct Tally {
    actions: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) events: AtomicU64,
    /// Streams that ended as they must while a client read.
    pub(crate) endings: AtomicU64,
    /// Of these, those that ended for a policy.
    pub(crate) too_slow: AtomicU64,
    /// Clients that were sent away unheard because there was no room, or no server any more.
    pub(crate) gave_way: AtomicU64,
    /// Clients for which there was no thread.
    pub(crate) refused: AtomicU64,
    /// Answers to the witness.
    witnessed: AtomicU64,
    /// Servers that broke off what they had begun.
    pub(crate) cut: Servers,
    /// Servers that ended in order what would have ended by itself.
    pub(crate) shortened: Servers,
}

/// Some servers, by their numbers.
#[derive(Default)]
pub(crate) struct Servers(Mutex<HashSet<u32>>);

impl Servers {
    pub(crate) fn add(&self, server: Site) {
        self.set().insert(server.number);
    }

    pub(crate) fn contain(&self, server: Site) -> bool {
        self.set().contains(&server.number)
    }

    fn set(&self) -> MutexGuard<'_, HashSet<u32>> {
        // A set is whole whoever panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crowd<'_> {
    /// Calls `aside` again and again meanwhile.
    ///
    /// # Panics
    /// If a client has seen what must not be, or none has seen anything.
    pub(crate) fn run(&self, witness: Peer, mut aside: impl FnMut(&mut Numbers)) -> Tally {
        let tally = Tally::default();
        let over = Over { until: Instant::now() + self.duration, failed: AtomicBool::new(false) };
        let client = |number: u64| {
            Client::new(self.place, self.shape, self.seed.wrapping_add(number), &tally)
        };
        thread::scope(|scope| {
            scope.spawn(|| watch(client(0), witness, &over));
            for number in 0..self.shape.clients {
                let (client, over) = (client(number as u64), &over);
                Builder::new()
                    .name(format!("client {number}"))
                    .spawn_scoped(scope, move || live(client, number, over))
                    .expect("the system has room for a thread per client");
            }
            let _doing = Doing { name: "what goes on aside", over: &over };
            let mut numbers = Numbers::new(self.seed);
            while !over.is_over() {
                aside(&mut numbers);
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
}

/// The life of one client.
fn live(mut client: Client<'_>, number: usize, over: &Over) {
    // At least one, and all of them together try everything.
    let mut next = number % ACTIONS.len();
    loop {
        let (name, action) = ACTIONS[next];
        let doing = Doing { name, over };
        action(&mut client);
        drop(doing);
        client.count(|tally| &tally.actions, 1);
        if over.is_over() {
            return;
        }
        next = client.numbers.below(ACTIONS.len());
    }
}

/// Asks again and again on a connection that was there first, and must not suffer from the others.
fn watch(mut client: Client<'_>, mut witness: Peer, over: &Over) {
    let _doing = Doing { name: "witness", over };
    while !over.is_over() {
        witness.try_send(get("/"));
        match Answer::receive(&mut witness) {
            Ok(answer) => assert_eq!(answer.text(), "ok"),
            Err(_) if client.shape.restarts => {
                witness = client.connect();
                continue;
            }
            Err(end) => panic!("an answer comes before the end, not {end:?}"),
        }
        client.count(|tally| &tally.witnessed, 1);
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
        let (endings, too_slow) = (of(&self.endings), of(&self.too_slow));
        write!(f, "{endings} ends of streams seen, {too_slow} of them for slowness, ")?;
        write!(f, "{} clients gave way, ", of(&self.gave_way))?;
        write!(f, "{} found no thread, ", of(&self.refused))?;
        write!(f, "{} servers broke something off, ", self.cut.set().len())?;
        write!(f, "{} answers to the witness", of(&self.witnessed))
    }
}
