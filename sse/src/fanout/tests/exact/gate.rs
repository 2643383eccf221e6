//! Holds back the answers of a callback, until the script gives one.

use crate::SlowPolicy;
use crate::client::Client;
use crate::fanout::StreamId;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By stream: how often it was asked about, was expected to be, and what was answered.
    asked: HashMap<StreamId, usize>,
    expected: HashMap<StreamId, usize>,
    answers: HashMap<StreamId, Vec<SlowPolicy>>,
    open: bool,
}

impl Gate {
    /// The callback: waits for its answer.
    pub(super) fn ask(&self, client: &Client) -> SlowPolicy {
        let stream = client.shared.stream;
        let mut state = self.state.lock().expect("no test panics with it");
        let asked = state.asked.entry(stream).or_default();
        let mine = *asked;
        *asked += 1;
        self.changed.notify_all();
        loop {
            let answer = state.answers.get(&stream).and_then(|answers| answers.get(mine));
            if let Some(&answer) = answer {
                return answer;
            }
            if state.open {
                return SlowPolicy::Drop;
            }
            state = self.changed.wait(state).expect("no test panics with it");
        }
    }

    /// Waits until the callback has been asked about the stream once more.
    pub(super) fn until_asked(&self, client: &Client) {
        let stream = client.shared.stream;
        let mut state = self.state.lock().expect("no test panics with it");
        let expected = state.expected.entry(stream).or_default();
        *expected += 1;
        let expected = *expected;
        let waits = |state: &mut State| state.asked.get(&stream).is_none_or(|&n| n < expected);
        let waited = self.changed.wait_timeout_while(state, PATIENCE, waits);
        let (state, timeout) = waited.expect("no test panics with it");
        drop(state);
        assert!(!timeout.timed_out(), "the callback is not asked");
    }

    /// Answers the first question about the stream that has no answer.
    pub(super) fn answer(&self, client: &Client, policy: SlowPolicy) {
        let mut state = self.state.lock().expect("no test panics with it");
        state.answers.entry(client.shared.stream).or_default().push(policy);
        self.changed.notify_all();
    }

    /// Holds nothing back any more.
    pub(super) fn open(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.open = true;
        }
        self.changed.notify_all();
    }
}

pub(super) fn until(done: impl Fn() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < give_up, "the answer does not come");
        std::thread::yield_now();
    }
}
