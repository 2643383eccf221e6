//! Lets a publisher know that it runs on a core, and lets that core read its hubs before the
//! publisher is told that the ring is full, or join a hub before a handler publishes into it.

use super::Fanout;
use crate::hub::HubShared;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

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
    let Some(fanout) = this_core() else { return false };
    // In the middle of a round the ring is being read anyway.
    fanout.try_borrow_mut().is_ok_and(|mut fanout| fanout.absorb() > 0)
}

/// Makes this core read a hub, if this thread is one.
pub(crate) fn join(hub: &Arc<HubShared>) {
    if let Some(fanout) = this_core()
        && let Ok(mut fanout) = fanout.try_borrow_mut()
    {
        // A hub that has no seat left refuses the subscription itself, too.
        fanout.join_shared(hub).ok();
    }
}

fn this_core() -> Option<Rc<RefCell<Fanout>>> {
    CORE.try_with(|core| core.borrow().upgrade()).ok().flatten()
}
