//! Tasks that wait for the same thing, in the order in which they came. Who stops waiting is forgotten, so
//! that a list is never longer than the number of futures that exist.

use crate::guard::guard;
use std::collections::BTreeMap;
use std::task::Waker;

/// A list of waiting tasks.
#[derive(Default)]
pub(crate) struct Waiters {
    /// None until somebody waits: every client has three lists, and most are never used.
    list: Option<Box<List>>,
}

#[derive(Default)]
struct List {
    wakers: BTreeMap<u64, Waker>,
    /// Tickets given out.
    tickets: u64,
}

/// A place in a list.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ticket(Option<u64>);

impl Ticket {
    /// Whether it never stood for a place.
    pub(crate) fn is_unused(self) -> bool {
        self.0.is_none()
    }
}

impl Waiters {
    /// Takes a place, or the one again that `ticket` stands for: who was woken in vain is not behind those
    /// that came later. Returns the waker that was there before, to be dropped
    /// without the lock that guards the list, since it is foreign.
    pub(crate) fn wait(&mut self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
        let list = self.list.get_or_insert_default();
        let number = *ticket.0.get_or_insert_with(|| {
            list.tickets += 1;
            list.tickets
        });
        if list.wakers.get(&number).is_some_and(|before| before.will_wake(waker)) {
            return None;
        }
        list.wakers.insert(number, waker.clone())
    }

    /// Gives a place back. Returns its waker, if it was not woken, to be dropped likewise.
    pub(crate) fn forget(&mut self, ticket: Ticket) -> Option<Waker> {
        self.list.as_mut()?.wakers.remove(&ticket.0?)
    }

    /// Takes everybody out, to be woken without the lock that guards the list.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        let wakers = self.list.as_mut().map(|list| std::mem::take(&mut list.wakers));
        wakers.unwrap_or_default().into_values()
    }

    /// Takes the one out who came first, to be woken likewise.
    pub(crate) fn take_first(&mut self) -> Option<Waker> {
        Some(self.list.as_mut()?.wakers.pop_first()?.1)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.list.as_ref().map_or(0, |list| list.wakers.len())
    }
}

/// Wakes tasks, each of which may panic over it: the others are woken all the same.
pub(crate) fn wake_all(wakers: impl Iterator<Item = Waker>) {
    for waker in wakers {
        // The panic hook has reported it, and it is the task's own.
        guard(|| waker.wake()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[test]
    fn who_stops_waiting_is_forgotten_and_nobody_else() {
        let mut waiters = Waiters::default();
        let waker = Waker::noop();
        let (mut first, mut second) = (Ticket::default(), Ticket::default());
        assert!(waiters.wait(&mut first, waker).is_none());
        // Whether wakers are the same is not always seen.
        drop(waiters.wait(&mut first, waker));
        assert!(waiters.wait(&mut second, waker).is_none());
        assert_eq!(waiters.len(), 2);
        assert!(waiters.forget(first).is_some());
        assert_eq!(waiters.len(), 1);
        assert_eq!(waiters.take().count(), 1);
        let mut third = Ticket::default();
        assert!(waiters.wait(&mut third, waker).is_none());
        // It was woken, and the place is another's.
        assert!(waiters.forget(second).is_none());
        assert_eq!(waiters.len(), 1);
        let another = Arc::<Count>::default().into();
        assert!(waiters.wait(&mut third, &another).is_some());
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_came_first_is_taken_first_and_stays_so() {
        let mut waiters = Waiters::default();
        let tasks: [Arc<Count>; 3] = Default::default();
        let mut tickets = [Ticket::default(); 3];
        for (ticket, task) in tickets.iter_mut().zip(&tasks) {
            assert!(waiters.wait(ticket, &task.clone().into()).is_none());
        }
        let woken = || [0, 1, 2].map(|task: usize| tasks[task].0.load(Ordering::Relaxed));
        waiters.take_first().expect("it waits").wake();
        assert_eq!(woken(), [1, 0, 0]);
        // In vain: it waits again.
        assert!(waiters.wait(&mut tickets[0], &tasks[0].clone().into()).is_none());
        waiters.take_first().expect("it waits").wake();
        waiters.take_first().expect("it waits").wake();
        assert_eq!((woken(), waiters.len()), ([2, 1, 0], 1));
        assert!(waiters.take_first().is_some() && waiters.take_first().is_none());
    }
}
