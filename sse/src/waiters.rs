//! Tasks that wait for the same thing. Who stops waiting is forgotten, so that a list is never longer than
//! the number of futures that exist.

use crate::guard::guard;
use slab::Slab;
use std::task::Waker;

/// A list of waiting tasks.
#[derive(Default)]
pub(crate) struct Waiters {
    /// None until somebody waits: every client has three lists, and most are never used.
    list: Option<Box<List>>,
}

#[derive(Default)]
struct List {
    wakers: Slab<Waker>,
    /// Counts the times that all were woken: tickets from before are void.
    round: u64,
}

/// A place in a list.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ticket(Option<(u64, usize)>);

impl Waiters {
    /// Takes a place, or keeps the one that `ticket` stands for.
    pub(crate) fn wait(&mut self, ticket: &mut Ticket, waker: &Waker) {
        let list = self.list.get_or_insert_default();
        match ticket.0.filter(|(round, _)| *round == list.round) {
            Some((_, place)) => list.wakers[place].clone_from(waker),
            None => ticket.0 = Some((list.round, list.wakers.insert(waker.clone()))),
        }
    }

    /// Gives a place back.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        if let Some((round, place)) = ticket.0
            && let Some(list) = &mut self.list
            && round == list.round
        {
            list.wakers.remove(place);
        }
    }

    /// Takes everybody out, to be woken without the lock that guards the list.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        let wakers = self.list.as_mut().map(|list| {
            list.round += 1;
            std::mem::take(&mut list.wakers)
        });
        wakers.unwrap_or_default().into_iter().map(|(_, waker)| waker)
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

    #[test]
    fn who_stops_waiting_is_forgotten_and_nobody_else() {
        let mut waiters = Waiters::default();
        let waker = Waker::noop();
        let (mut first, mut second) = (Ticket::default(), Ticket::default());
        waiters.wait(&mut first, waker);
        waiters.wait(&mut first, waker);
        waiters.wait(&mut second, waker);
        assert_eq!(waiters.len(), 2);
        waiters.forget(first);
        assert_eq!(waiters.len(), 1);
        assert_eq!(waiters.take().count(), 1);
        let mut third = Ticket::default();
        waiters.wait(&mut third, waker);
        // Its place was in an earlier round, and is another's now.
        waiters.forget(second);
        assert_eq!(waiters.len(), 1);
    }
}
