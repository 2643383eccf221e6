//! A store like one behind a network: it blocks, stalls and fails as a test wants.

use super::ring;
use headwater::sse::replay::{Ids, Page, ReplayStore, RingBuffer, Scope, StoreError};
use headwater::sse::{EventId, PreparedEvent};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Works,
    Stalls,
    Fails,
}

pub(super) struct Remote {
    ring: Arc<RingBuffer>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Remote {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { ring: ring(), state: Mutex::new(State::Works), changed: Condvar::new() })
    }

    pub(super) fn set(&self, state: State) {
        *self.state.lock().expect("no panic under the lock") = state;
        self.changed.notify_all();
    }

    fn wait(&self) -> Result<(), StoreError> {
        let state = self.state.lock().expect("no panic under the lock");
        let state = self.changed.wait_while(state, |state| *state == State::Stalls);
        match *state.expect("no panic under the lock") {
            State::Fails => Err(StoreError::unavailable("it fails", false)),
            _ => Ok(()),
        }
    }
}

impl ReplayStore for Remote {
    fn append(&self, scope: &Scope, events: &[PreparedEvent]) -> Result<Ids, StoreError> {
        self.wait()?;
        self.ring.append(scope, events)
    }

    fn since(
        &self,
        scope: &Scope,
        after: Option<&EventId>,
        max: usize,
    ) -> Result<Page, StoreError> {
        self.wait()?;
        self.ring.since(scope, after, max)
    }

    fn tail(&self, scope: &Scope) -> Result<EventId, StoreError> {
        self.wait()?;
        self.ring.tail(scope)
    }

    fn blocks(&self) -> bool {
        true
    }
}
