//! Lets a publisher know that it runs on a core, and lets that core read its hubs before the
//! publisher is told that the ring is full.

use super::Fanout;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

thread_local! {
    static CORE: RefCell<Weak<RefCell<Fanout>>> = const { RefCell::new(Weak::new()) };
}

/// Makes this thread the core of `fanout`, until that is dropped.
pub fn enter(fanout: &Rc<RefCell<Fanout>>) {
    CORE.with(|core| core.replace(Rc::downgrade(fanout)));
}

/// Whether this thread is a core.
pub(crate) fn is_core() -> bool {
    // A thread that is ending is no core any more.
    CORE.try_with(|core| core.borrow().strong_count() > 0).unwrap_or(false)
}

/// Reads what this core has not read of its hubs. False where nothing came of it.
pub(crate) fn catch_up() -> bool {
    let core = CORE.try_with(|core| core.borrow().upgrade()).ok().flatten();
    let Some(fanout) = core else { return false };
    // In the middle of a round the ring is being read anyway.
    fanout.try_borrow_mut().is_ok_and(|mut fanout| fanout.absorb() > 0)
}
