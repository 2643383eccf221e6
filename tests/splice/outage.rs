//! A database that stands still or is killed while its broker's streams run: nothing waits but what was
//! published to that broker. On the same core are another broker's streams, heartbeats and requests; all that
//! is to go on does so before the database does.

mod stage;

use crate::server::{Program, Server};
use crate::{number, setting, until};
use headwater::Engine;
use headwater::sse::{Broker, Event, Refusal};
use stage::{QUEUE, Stage, assert_whole, publish_at_last};
use std::time::{Duration, Instant};

/// How the database is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// It stands still, and may take its time.
    Slow,
    /// It stands still for longer than it may.
    Silent,
    Killed,
}

impl How {
    /// How long the database may take for an answer.
    fn timeout(self) -> Duration {
        match self {
            // Longer than any test: who waits for it waits until it goes on.
            Self::Slow => Duration::from_mins(4),
            Self::Silent => Duration::from_millis(500),
            Self::Killed => Duration::from_secs(2),
        }
    }

    fn begin(self, database: &Server) {
        if self == Self::Killed { database.kill() } else { database.stall() }
    }

    fn end(self, database: &Server) {
        if self == Self::Killed { database.start_again() } else { database.go_on() }
    }
}

fn stall_time() -> Duration {
    Duration::from_secs(setting("HEADWATER_SPLICE_OUTAGE_SECONDS", 1))
}

/// A database that keeps what it has answered, if it is of a kind that can.
fn start(program: Program) -> Server {
    match program {
        Program::Redis => Server::start(program, &["--save", "", "--appendonly", "yes"]),
        Program::Postgres | Program::Memcached => Server::start(program, &[]),
    }
}

/// Nobody is told anything until the database goes on: then all is stored and sent.
fn events_wait_for_a_store_that_stands_still_and_nothing_else_does(
    engine: Engine,
    program: Program,
) {
    let (database, how) = (start(program), How::Slow);
    let stage = Stage::start(engine, program, &database, how.timeout());
    let refused_before = stage.refusing.replay_stats().expect("it has a store").refused;
    how.begin(&database);
    for broker in stage.kept() {
        publish_later(broker, QUEUE - 2);
        let stats = broker.replay_stats().expect("it has a store");
        assert_eq!(stats.waiting, QUEUE - 2, "{}", broker.name());
    }
    std::thread::scope(|scope| {
        // On a thread, and in a task on the core.
        let waits = scope.spawn(|| stage.refusing.publish_wait(Event::data("on a thread"), None));
        let mut task = stage.ask("POST /publish", "in a task");
        let waiting = || stage.refusing.replay_stats().expect("it has a store").waiting;
        until("both have their places", || waiting() == QUEUE);
        let busy = stage.refusing.publish_later(Event::data("too many"));
        assert_eq!(busy.expect_err("there is no room").refusal(), Refusal::Busy);
        let deadline = Instant::now() + Duration::from_millis(1);
        let full = stage.refusing.publish_wait(Event::data("too many"), Some(deadline));
        assert_eq!(full.expect_err("there is no room").refusal(), Refusal::Full);

        stage.others_go_on_for(stall_time());
        assert_eq!(waiting(), QUEUE, "all of it before the database goes on");
        assert!(!waits.is_finished());
        how.end(&database);
        assert!(number(&waits.join().expect("no panic").expect("it is stored").id) > 0);
        task.expect("200 OK");
    });
    for (broker, listener) in stage.kept().into_iter().zip(stage.listeners()) {
        let last = publish_at_last(broker, "the end");
        listener.hears("all that waited", |heard| heard.last_id >= Some(last));
        let mut texts: Vec<_> =
            listener.heard().events.iter().map(|(_, text)| text.clone()).collect();
        texts.retain(|text| !text.starts_with("before"));
        let mut all: Vec<_> = (0..QUEUE - 2).map(|number| format!("later {number}")).collect();
        assert_eq!(texts[..all.len()], all, "{}", broker.name());
        if broker.name() == stage.refusing.name() {
            all.extend(["on a thread".to_owned(), "in a task".to_owned()]);
        }
        all.push("the end".to_owned());
        texts.sort_unstable();
        all.sort_unstable();
        assert_eq!(texts, all, "{}: once each", broker.name());
    }
    let refused = stage.refusing.replay_stats().expect("it has a store").refused;
    assert_eq!(refused, refused_before, "nothing was refused");
    stage.finish(program, false);
}

fn a_store_that_does_not_answer_in_time_is_done_without(engine: Engine, program: Program) {
    done_without(engine, program, How::Silent);
}

fn a_store_that_is_killed_is_done_without_until_it_is_back(engine: Engine, program: Program) {
    done_without(engine, program, How::Killed);
}

/// What is published meanwhile is refused, or sent without an id.
fn done_without(engine: Engine, program: Program, how: How) {
    let database = start(program);
    let stage = Stage::start(engine, program, &database, how.timeout());
    let [refusing, sending] = stage.kept();
    let before = stage.kept().map(|broker| broker.replay_stats().expect("it has a store"));
    how.begin(&database);
    for broker in stage.kept() {
        publish_later(broker, QUEUE / 2);
    }
    stage.others_go_on_for(if how == How::Killed { Duration::ZERO } else { stall_time() });
    let refused = refusing.publish_wait(Event::data("refused"), None);
    let refused = refused.expect_err("the database is gone");
    assert_eq!(refused.refusal(), Refusal::Store);
    assert!(refused.store_error().is_some());
    stage.ask("POST /publish", "refused").expect("503 Service Unavailable");
    sending.publish_wait(Event::data("the last without"), None).expect("it goes without");
    let [_, listener] = stage.listeners();
    listener.hears("who is there", |heard| heard.has("the last without"));
    let without = |(id, text): &&(Option<u64>, String)| id.is_none() && !text.starts_with("before");
    let many = QUEUE / 2 + 1;
    assert_eq!(listener.heard().events.iter().filter(without).count(), many, "none is lost");
    let after = stage.kept().map(|broker| broker.replay_stats().expect("it has a store"));
    // Two that somebody waited for.
    assert_eq!(after[0].refused - before[0].refused, (QUEUE / 2 + 2) as u64);
    assert_eq!(after[1].without_id - before[1].without_id, many as u64);
    assert_eq!(after.map(|stats| stats.waiting), [0, 0]);

    how.end(&database);
    for (broker, listener) in stage.kept().into_iter().zip(stage.listeners()) {
        let last = publish_at_last(broker, "the end");
        listener.hears("the end", |heard| heard.last_id >= Some(last));
        assert_whole(&listener.heard(), "in order, once");
    }
    stage.finish(program, how == How::Killed && program == Program::Memcached);
}

fn publish_later(broker: &Broker, many: usize) {
    for number in 0..many {
        let later = broker.publish_later(Event::data(format!("later {number}")));
        later.expect("there is room in the queue");
    }
}

/// Each case with a database of its own.
macro_rules! with_a_database {
    ($($place:ident: $program:ident on $engine:ident $(if $feature:literal)?,)*) => {$(
        $(#[cfg(feature = $feature)])?
        mod $place {
            use super::{Engine, Program};
            with_a_database!(case $program $engine events_wait_for_a_store_that_stands_still_and_nothing_else_does);
            with_a_database!(case $program $engine a_store_that_does_not_answer_in_time_is_done_without);
            with_a_database!(case $program $engine a_store_that_is_killed_is_done_without_until_it_is_back);
        }
    )*};
    (case $program:ident $engine:ident $case:ident) => {
        #[test]
        fn $case() {
            if Program::$program.is_here() {
                super::$case(Engine::$engine, Program::$program);
            }
        }
    };
}

#[cfg(feature = "redis")]
with_a_database! {
    redis_on_io_uring: Redis on IoUring if "io-uring",
    redis_on_epoll: Redis on Epoll if "epoll",
    redis_on_std: Redis on Std,
}
#[cfg(feature = "postgres")]
with_a_database! { postgres_on_epoll: Postgres on Epoll if "epoll", }
#[cfg(feature = "memcache")]
with_a_database! { memcached_on_epoll: Memcached on Epoll if "epoll", }
