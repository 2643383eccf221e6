//! What a thread that dies owes those who wait: an answer, and the end of a broker that is being closed. Never
//! asks a store.

use super::{Closing, ENDED, Shared, Taken, Thread};
use crate::broker::{BrokerShared, PublishError};
use crate::replay::StoreError;
use std::sync::{Arc, Weak};

/// What the thread owes others when it ends in another way than by `Work::End`.
pub(in crate::broker::journal) struct Running {
    pub(in crate::broker::journal) shared: Arc<Shared>,
    pub(in crate::broker::journal) broker: Weak<BrokerShared>,
    pub(in crate::broker::journal) ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut queue = self.shared.lock();
        queue.thread = Thread::None;
        let requests = std::mem::take(&mut queue.requests).into_iter();
        let unsent: Vec<Taken> = requests.map(|request| request.taken(&self.shared)).collect();
        let drains = queue.closing == Closing::Draining;
        if drains {
            queue.closing = Closing::Done;
        }
        drop(queue);
        for taken in unsent {
            let error = Arc::new(StoreError::unavailable(ENDED, false));
            let event = taken.event.clone();
            taken.answer(Err(PublishError::of_store(error, event)));
        }
        if let Some(broker) = self.broker.upgrade().filter(|_| drains) {
            broker.end();
        }
    }
}
