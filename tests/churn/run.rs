//! One run: a server's process, a warm-up, the churn, with or without restarts, and what must be left of
//! it: nothing.

use crate::crowd::{Crowd, Tally};
use crate::place::{Place, Site};
use crate::process::{Footprint, ServerProcess, serves};
use crate::served::{Counts, serve};
use crate::support::{Numbers, PATIENCE, Peer, Subscriber};
use headwater::Engine;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SECONDS: &str = "HEADWATER_CHURN_SECONDS";
const SEED: &str = "HEADWATER_CHURN_SEED";
const DEFAULT_SECONDS: u64 = 1;
/// The warm-up is as long as the run, but not longer than this.
const LONGEST_WARM_UP_SECONDS: u64 = 3;
/// A run of this length meets every policy.
const LONG_SECONDS: u64 = 10;

/// Between two restarts at most.
const RESTART_PAUSE_MILLIS: usize = 1500;
/// How long drains may take: no time, less than some clients, or as long as any client stays.
const DRAINS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(500), PATIENT_DRAIN];
const PATIENT_DRAIN: Duration = Duration::from_secs(20);
/// Between two looks whether the time is over.
const PAUSE: Duration = Duration::from_millis(20);

/// How much more memory may be resident after the run than after the warm-up, however long the run.
/// What is larger than a page goes back to the system when it is freed (see `process`). What stays are
/// pages with a few small blocks in use, and tables as long as there ever were connections at once:
/// about 10 MiB at rest, reached to within 2 MiB by a warm-up of a second.
const GROWTH_KIB: u64 = 4 * 1024;

/// One run at a time: each wants the machine, and hundreds of descriptors, for itself.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) struct Shape {
    /// Clients at a time.
    pub(crate) clients: usize,
    /// What the server may open.
    pub(crate) descriptors: Option<usize>,
    /// The server is drained and replaced by another again and again.
    pub(crate) restarts: bool,
}

/// In the test's process the test, in the server's process the server.
pub(crate) fn run(engine: Engine, test: &str, shape: &Shape) {
    if let Some(seed) = serves() {
        return serve(engine, seed);
    }
    // A run that failed has left nothing that another could trip over.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = number_from(SECONDS).unwrap_or(DEFAULT_SECONDS);
    let seed = number_from(SEED).unwrap_or_else(seed_of_now);
    println!("{test}: {seconds} s; {SEED}={seed} repeats it");
    let mut numbers = Numbers::new(seed);
    let mut server = ServerProcess::start(test, seed, shape.descriptors);

    let warm_up = Duration::from_secs(seconds.min(LONGEST_WARM_UP_SECONDS));
    churn(&mut server, shape, &mut numbers, warm_up);
    let before = server.footprint();
    let (tally, counts) = churn(&mut server, shape, &mut numbers, Duration::from_secs(seconds));
    println!("{test}: {tally}\n{test}: {counts:?}\n{test}: before {before:?}");
    assert_eq!(counts.failures, 0, "handlers failed");
    assert_eq!(counts.restarts > 0, shape.restarts);
    if seconds >= LONG_SECONDS {
        has_met_every_policy(&counts);
    }
    compare(&server, before);
    println!("{test}: after {:?}", server.footprint());
    serves_on(&mut server);
    server.end();
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    now.as_secs() * 1_000_000 + u64::from(now.subsec_micros())
}

/// Lets clients churn; returns once the server holds nothing for them any more.
fn churn(
    server: &mut ServerProcess,
    shape: &Shape,
    numbers: &mut Numbers,
    duration: Duration,
) -> (Tally, Counts) {
    server.publish();
    let mut witness = Peer::connect(server.addr());
    ask_once(&mut witness);
    let failures = server.count().accept_failures;
    let silent: Vec<Peer> =
        (0..shape.descriptors.unwrap_or_default()).map(|_| Peer::connect(server.addr())).collect();
    let is_reached = |counts: &Counts| silent.is_empty() || counts.accept_failures > failures;
    settle("the descriptors run out", || server.count(), is_reached);
    let place = Place::new(server.addr());
    let seed = numbers.below(usize::MAX) as u64;
    let crowd = Crowd { place: &place, shape, seed, duration };
    let mut drains = Vec::new();
    let tally = crowd.run(witness, |numbers| {
        if shape.restarts {
            drains.push(restart(server, &place, numbers));
        } else {
            std::thread::sleep(PAUSE);
        }
    });
    drop(silent);
    for drain in drains {
        drain.check(&tally);
    }
    server.rest();
    let counts = settle("nothing is held for any client", || server.count(), Counts::is_at_rest);
    (tally, counts)
}

/// How a server ended.
#[derive(Debug)]
struct Drained {
    server: Site,
    within: Duration,
    /// By itself, and not at its deadline.
    in_time: bool,
}

impl Drained {
    /// One that had the time for it has finished what it had begun.
    fn check(&self, tally: &Tally) {
        assert!(
            !self.in_time || !tally.cut.contain(self.server),
            "it broke something off: {self:?}"
        );
        let is_patient = self.within == PATIENT_DRAIN;
        assert!(self.in_time || !is_patient, "clients have left, and it waited on: {self:?}");
        let shortened = tally.shortened.contain(self.server);
        assert!(!shortened || !is_patient, "it did not wait for a stream's end: {self:?}");
    }
}

/// After a while, replaces the server by another.
fn restart(server: &mut ServerProcess, place: &Place, numbers: &mut Numbers) -> Drained {
    let pause = numbers.below(RESTART_PAUSE_MILLIS) as u64;
    std::thread::sleep(Duration::from_millis(pause));
    let within = DRAINS[numbers.below(DRAINS.len())];
    let before = place.site();
    let in_time = server.restart(within).in_time;
    place.move_to(server.addr());
    Drained { server: before, within, in_time }
}

fn has_met_every_policy(counts: &Counts) {
    for (what, count) in [
        ("events dropped for subscribers", counts.dropped),
        ("events dropped by clients' queues", counts.unqueued),
        ("streams ended for slowness", counts.slow_ends),
        ("questions about slow subscribers", counts.asked),
    ] {
        assert!(count > 0, "no {what} at all: {counts:?}");
    }
}

/// What the system keeps for the process must be back where it was.
fn compare(server: &ServerProcess, before: Footprint) {
    let look = || server.footprint();
    settle("no descriptor is left open", look, |now| now.descriptors == before.descriptors);
    settle("no thread is left running", look, |now| now.threads == before.threads);
    // Freed memory that the sanitizer keeps to watch it is resident: there, leaks show at the end.
    let most = before.resident_kib + GROWTH_KIB;
    settle("no memory is left behind", look, |now| now.sanitized || now.resident_kib <= most);
}

/// After all that, a client is served as if it was the first.
fn serves_on(server: &mut ServerProcess) {
    let failures = server.count().accept_failures;
    let mut peer = Peer::connect(server.addr());
    ask_once(&mut peer);
    let mut subscriber = Subscriber::open(peer, "/feed/drop");
    server.publish();
    crate::load::number(&subscriber.data());
    drop(subscriber);
    server.rest();
    settle("the last client is gone", || server.count(), Counts::is_at_rest);
    assert_eq!(server.count().accept_failures, failures, "descriptors are there again");
}

fn ask_once(peer: &mut Peer) {
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

/// Looks until what is seen is good.
fn settle<T: Debug>(what: &str, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}: {seen:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
