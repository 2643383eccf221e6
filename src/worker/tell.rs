//! How what goes on beside a connection, a streamed body or whoever took it over, has the worker look at
//! it. On one core.

use super::Worker;
use super::connection::{Phase, Slot};
use headwater_engine::{Core, Key};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Connections that are to be looked at, each with the flag that says that it was told.
pub(crate) type Told = Rc<RefCell<VecDeque<(Key, Rc<Cell<bool>>)>>>;

/// Tells a worker to look at one connection.
#[derive(Clone)]
pub(crate) struct Tell {
    key: Key,
    told: Told,
    pending: Rc<Cell<bool>>,
}

impl Tell {
    pub(super) fn new(key: Key, told: &Told) -> Self {
        Self { key, told: told.clone(), pending: Rc::default() }
    }

    /// Has the worker look at the connection in this turn, once however often it is told.
    pub(crate) fn tell(&self) {
        if !self.pending.replace(true) {
            self.told.borrow_mut().push_back((self.key, self.pending.clone()));
        }
    }
}

impl Worker {
    /// Looks at the connections that have been told about.
    pub(super) fn serve_told(&mut self, core: &mut Core<'_>) {
        loop {
            let Some((key, pending)) = self.told.borrow_mut().pop_front() else { return };
            pending.set(false);
            match self.slot(key) {
                Some(Slot { phase: Phase::Http(_), .. }) => {
                    self.with_http(core, key, |worker, core, connection| {
                        worker.pieces_came(core, key, connection)
                    });
                }
                Some(Slot { phase: Phase::Detached(_), .. }) => self.serve_line(core, key),
                _ => {}
            }
        }
    }
}
