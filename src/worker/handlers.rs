//! Handlers that go on beside their connections: those of streams, and of connections that were taken over.
//! They may outlive these, until they return, or are cancelled.

use crate::task::Executor;
use async_task::Task;
use slab::Slab;

/// Names one handler of one worker; never reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct HandlerId {
    place: usize,
    serial: u64,
}

#[derive(Default)]
pub(super) struct Handlers {
    tasks: Slab<(u64, Task<()>)>,
    started: u64,
}

impl Handlers {
    /// Starts a handler that is made with its name, by which it says that it has returned.
    pub(super) fn start<F>(
        &mut self,
        executor: &Executor,
        make: impl FnOnce(HandlerId) -> F,
    ) -> HandlerId
    where
        F: Future<Output = ()> + Unpin + 'static,
    {
        let place = self.tasks.vacant_entry();
        let id = HandlerId { place: place.key(), serial: self.started };
        self.started += 1;
        place.insert((id.serial, executor.spawn(make(id))));
        id
    }

    /// A handler has returned. One that was cancelled in that moment is forgotten already.
    pub(super) fn returned(&mut self, id: HandlerId) {
        self.cancel(id);
    }

    /// Drops a handler, soon, if it has not returned.
    pub(super) fn cancel(&mut self, id: HandlerId) {
        if self.tasks.get(id.place).is_some_and(|(serial, _)| *serial == id.serial) {
            drop(self.tasks.remove(id.place));
        }
    }

    /// How many have not returned.
    #[cfg(any(test, feature = "scripted"))]
    pub(super) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }
}
