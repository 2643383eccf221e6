//! The loop over the scripted driver: what is called when, and how long it would sleep.

use super::*;
use crate::{
    Outcome,
    scripted::{self, Script, Scripted},
};
use std::io::IoSlice;

const SECOND: Duration = Duration::from_secs(1);

/// Notes every call; acts as the fields say.
struct Recorder {
    calls: Vec<String>,
    next: Turn,
    may_sleep: bool,
    arm: Option<Duration>,
    close_on_receive: bool,
    released: Option<Handover>,
}

impl Default for Recorder {
    fn default() -> Self {
        let next = Turn::WaitUntil(None);
        Self {
            calls: Vec::new(),
            next,
            may_sleep: true,
            arm: None,
            close_on_receive: false,
            released: None,
        }
    }
}

impl App for Recorder {
    type Message = u32;

    fn start(&mut self, _: &mut Core<'_>) {
        self.calls.push("start".into());
    }

    fn accepted(&mut self, core: &mut Core<'_>, key: Key) {
        self.calls.push("accepted".into());
        if let Some(after) = self.arm {
            let class = core.class(after, Duration::ZERO);
            core.arm(key, class);
        }
    }

    fn received(&mut self, core: &mut Core<'_>, key: Key, bytes: &[u8]) {
        self.calls.push(String::from_utf8_lossy(bytes).into_owned());
        if self.close_on_receive {
            core.close(key);
        }
    }

    fn writable(&mut self, _: &mut Core<'_>, _: Key) {
        self.calls.push("writable".into());
    }

    fn gone(&mut self, core: &mut Core<'_>, key: Key, _: Departure) {
        self.calls.push("gone".into());
        core.close(key);
    }

    fn released(&mut self, _: &mut Core<'_>, _: Key, connection: Handover) {
        self.calls.push("released".into());
        self.released = Some(connection);
    }

    fn accept_failed(&mut self, core: &mut Core<'_>, _: &io::Error) {
        self.calls.push("accept failed".into());
        core.resume_accept();
    }

    fn timeout(&mut self, core: &mut Core<'_>, key: Key, _: Class) {
        self.calls.push("timeout".into());
        core.close(key);
    }

    fn message(&mut self, _: &mut Core<'_>, message: u32) {
        self.calls.push(format!("message {message}"));
    }

    fn turn(&mut self, _: &mut Core<'_>) -> Turn {
        self.next
    }

    fn prepare_sleep(&mut self) -> bool {
        self.may_sleep
    }

    fn stopped(&mut self, mailbox: &mut Mailbox<u32>) {
        while let Some(message) = mailbox.pop() {
            self.calls.push(format!("left {message}"));
        }
    }
}

struct Stage {
    worker: Worker<Scripted, Recorder>,
    script: Script,
    clock: ManualClock,
}

fn stage(app: Recorder) -> Stage {
    let (driver, script) = scripted::pair();
    let mailbox = Mailbox::new(driver.waker());
    let clock = ManualClock::new();
    let worker = Worker::with_clock(driver, app, mailbox, Clock::Manual(clock.clone()));
    Stage { worker, script, clock }
}

impl Stage {
    fn turn(&mut self) -> Vec<String> {
        let _ = self.worker.turn_once().expect("the scripted driver never fails");
        std::mem::take(&mut self.worker.app_mut().calls)
    }

    fn last_wait(&self) -> Option<Duration> {
        self.script.last_wait()
    }
}

#[test]
fn connection_is_told_from_beginning_to_end() {
    let mut stage = stage(Recorder::default());
    let peer = stage.script.connect();
    stage.script.feed(peer, "hello");
    stage.script.finish(peer);
    let calls: Vec<String> = (0..4).flat_map(|_| stage.turn()).collect();
    assert_eq!(calls, ["start", "accepted", "hello", "gone"]);
    assert!(stage.script.is_closed(peer));
}

#[test]
fn idle_worker_sleeps_for_ever() {
    let mut stage = stage(Recorder::default());
    stage.turn();
    assert_eq!(stage.last_wait(), Some(Duration::ZERO), "the first turn does not wait");
    stage.turn();
    assert_eq!(stage.last_wait(), None);
}

#[test]
fn work_left_forbids_sleep() {
    let mut stage = stage(Recorder { next: Turn::Again, ..Recorder::default() });
    stage.turn();
    stage.turn();
    assert_eq!(stage.last_wait(), Some(Duration::ZERO));
    stage.worker.app_mut().next = Turn::WaitUntil(None);
    stage.worker.app_mut().may_sleep = false;
    stage.turn();
    stage.turn();
    assert_eq!(stage.last_wait(), Some(Duration::ZERO));
}

#[test]
fn sleep_ends_with_the_sooner_of_deadline_and_wish() {
    let mut stage = stage(Recorder { arm: Some(10 * SECOND), ..Recorder::default() });
    let peer = stage.script.connect();
    stage.turn();
    stage.turn();
    assert_eq!(stage.last_wait(), Some(10 * SECOND));
    stage.worker.app_mut().next = Turn::WaitUntil(Some(stage.clock.now() + SECOND));
    stage.turn();
    stage.turn();
    assert_eq!(stage.last_wait(), Some(SECOND));
    stage.clock.advance(10 * SECOND);
    assert_eq!(stage.turn(), ["timeout"]);
    assert!(stage.script.is_closed(peer));
}

#[test]
fn closing_forgets_the_deadline() {
    let app = Recorder { arm: Some(SECOND), close_on_receive: true, ..Recorder::default() };
    let mut stage = stage(app);
    let peer = stage.script.connect();
    stage.script.feed(peer, "x");
    stage.turn();
    stage.turn();
    stage.clock.advance(2 * SECOND);
    assert!(stage.turn().is_empty());
    stage.turn();
    assert_eq!(stage.last_wait(), None);
}

/// Pitfall: header timers leaked on close.
#[test]
fn timers_are_not_leaked_when_connections_close() {
    let mut stage = stage(Recorder { arm: Some(SECOND), ..Recorder::default() });
    let peers: Vec<Key> = (0..100).map(|_| stage.script.connect()).collect();
    stage.turn();
    stage.worker.with_core(|_, core| {
        let class = core.class(SECOND, Duration::ZERO);
        assert_eq!(core.oldest(class), Some(peers[0]));
        for peer in &peers {
            core.close(*peer);
        }
        assert_eq!(core.oldest(class), None);
    });
    stage.turn();
    stage.turn();
    assert_eq!(stage.last_wait(), None, "it waits for the deadline of a connection that is gone");
}

/// Pitfall: a stale cached clock.
#[test]
fn clock_of_a_turn_is_never_stale() {
    let mut stage = stage(Recorder::default());
    stage.turn();
    for _ in 0..3 {
        // As much time as passes in a wait.
        stage.clock.advance(SECOND);
        stage.turn();
        let seen = stage.worker.with_core(|_, core| core.now());
        assert_eq!(seen, stage.clock.now());
    }
    // A deadline counts from the turn that sets it, not from an earlier one.
    stage.worker.app_mut().arm = Some(SECOND);
    stage.clock.advance(10 * SECOND);
    stage.script.connect();
    assert_eq!(stage.turn(), ["accepted"]);
    stage.turn();
    assert_eq!(stage.last_wait(), Some(SECOND));
}

#[test]
fn stale_key_neither_arms_nor_cancels_for_the_next_tenant() {
    let mut stage = stage(Recorder::default());
    let old = stage.script.connect();
    stage.turn();
    stage.worker.with_core(|_, core| core.close(old));
    let new = stage.script.connect();
    stage.turn();
    assert_eq!(old.index(), new.index());
    stage.worker.with_core(|_, core| {
        let class = core.class(SECOND, Duration::ZERO);
        core.arm(old, class);
        assert_eq!(core.oldest(class), None);
        core.arm(new, class);
        core.cancel(old);
        core.close(old);
        assert_eq!((core.armed(old), core.armed(new)), (None, Some(class)));
        assert_eq!(core.oldest(class), Some(new));
        assert_eq!(core.send_one(old, &[IoSlice::new(b"x")]), Outcome::Gone);
        assert_eq!(core.open(), 1);
    });
}

#[test]
fn messages_come_in_order_and_bounded_per_turn() {
    let mut stage = stage(Recorder::default());
    let remote = stage.worker.remote();
    stage.turn();
    for n in 0..300 {
        remote.post(n).unwrap();
    }
    let first = stage.turn();
    assert_eq!(first.len(), MOST_PER_TURN);
    let second = stage.turn();
    assert_eq!(stage.last_wait(), Some(Duration::ZERO), "there were messages left");
    let expected: Vec<String> = (0..300).map(|n| format!("message {n}")).collect();
    assert_eq!([first, second].concat(), expected);
}

#[test]
fn flood_of_completions_does_not_hold_messages_back() {
    let mut stage = stage(Recorder::default());
    for _ in 0..1000 {
        stage.script.connect();
    }
    stage.worker.remote().post(7).unwrap();
    let calls = stage.turn();
    assert!(calls.len() < 300);
    assert_eq!(calls.last().map(String::as_str), Some("message 7"));
}

#[test]
fn failed_accept_reaches_the_application_which_can_resume() {
    let mut stage = stage(Recorder::default());
    stage.script.fail_accept(io::Error::from_raw_os_error(libc::EMFILE));
    let peer = stage.script.connect();
    let calls: Vec<String> = (0..2).flat_map(|_| stage.turn()).collect();
    assert_eq!(calls, ["start", "accept failed", "accepted"]);
    assert!(stage.script.is_accepted(peer));
}

#[test]
fn stop_is_the_last_turn() {
    let mut stage = stage(Recorder { next: Turn::Stop, ..Recorder::default() });
    let remote = stage.worker.remote();
    assert!(stage.worker.turn_once().unwrap().is_break());
    assert!(stage.worker.turn_once().unwrap().is_break());
    assert_eq!(stage.script.waits(), 1);
    drop(stage.worker);
    assert!(remote.post(1).is_err());
}

#[test]
fn deadline_of_a_connection_stays_behind_when_it_leaves() {
    let app = Recorder { arm: Some(SECOND), ..Recorder::default() };
    let (mut from, mut to) = (stage(app), stage(Recorder::default()));
    let peer = from.script.connect();
    from.turn();
    assert!(from.worker.with_core(|_, core| core.release(peer)));
    assert_eq!(from.turn(), ["released"]);
    from.turn();
    assert_eq!(from.last_wait(), None, "there is nobody to time out");
    let handover = from.worker.app_mut().released.take().expect("it has left");
    let moved = to.worker.with_core(|_, core| core.adopt(handover)).expect("of the same engine");
    to.script.feed(moved, "hello");
    assert_eq!(to.turn(), ["start", "hello"]);
    to.turn();
    assert_eq!(to.last_wait(), None, "a deadline came along");
    to.worker.with_core(|_, core| {
        let class = core.class(SECOND, Duration::ZERO);
        core.arm(moved, class);
    });
    to.clock.advance(SECOND);
    assert_eq!(to.turn(), ["timeout"]);
    assert!(to.script.is_closed(moved));
}

#[test]
fn connection_that_its_application_does_not_hand_over_is_closed() {
    /// Does not know what to do with connections that leave.
    struct Plain;

    impl App for Plain {
        type Message = ();

        fn accepted(&mut self, core: &mut Core<'_>, key: Key) {
            assert!(core.release(key));
        }
        fn received(&mut self, _: &mut Core<'_>, _: Key, _: &[u8]) {}
        fn writable(&mut self, _: &mut Core<'_>, _: Key) {}
        fn gone(&mut self, _: &mut Core<'_>, _: Key, _: Departure) {}
        fn accept_failed(&mut self, _: &mut Core<'_>, _: &io::Error) {}
        fn timeout(&mut self, _: &mut Core<'_>, _: Key, _: Class) {}
        fn message(&mut self, _: &mut Core<'_>, (): ()) {}
        fn turn(&mut self, _: &mut Core<'_>) -> Turn {
            Turn::WaitUntil(None)
        }
    }

    let (driver, script) = scripted::pair();
    let mailbox = Mailbox::new(driver.waker());
    let mut worker = Worker::new(driver, Plain, mailbox);
    script.connect();
    for _ in 0..3 {
        let _ = worker.turn_once().expect("the scripted driver never fails");
    }
    assert_eq!(worker.with_core(|_, core| core.open()), 0);
}

#[test]
fn what_is_posted_and_not_taken_is_there_when_all_is_over() {
    let mut stage = stage(Recorder { next: Turn::Stop, ..Recorder::default() });
    let remote = stage.worker.remote();
    for message in 0..=MOST_PER_TURN {
        remote.post(u32::try_from(message).expect("few")).expect("it runs");
    }
    let calls = stage.turn();
    assert_eq!(calls[calls.len() - 2..], ["message 255", "left 256"]);
    assert_eq!(stage.turn(), [""; 0], "once");
}

#[test]
fn bytes_are_counted_as_they_are_given_and_taken() {
    let mut stage = stage(Recorder::default());
    let peer = stage.script.connect();
    stage.script.set_room(peer, Some(5));
    stage.script.feed(peer, "hello");
    assert_eq!((0..2).flat_map(|_| stage.turn()).last().as_deref(), Some("hello"));
    stage.worker.with_core(|_, core| {
        assert_eq!(core.traffic(), Traffic { received: 5, sent: 0 });
        let slices = [IoSlice::new(b"one"), IoSlice::new(b"two")];
        assert_eq!(core.send_one(peer, &slices), Outcome::Sent(5));
        assert_eq!(core.send_one(Key::new(77, 1), &slices), Outcome::Gone);
        assert_eq!(core.traffic().sent, 5, "what no socket took is not sent");
        core.count_sent(7);
        assert_eq!(core.traffic(), Traffic { received: 5, sent: 12 });
    });
}
