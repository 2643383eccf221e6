//! How other threads reach a worker: a queue it alone takes from, and a wake that is only paid for when
//! the worker sleeps. Who has to wake is decided in `wake_flag`.

use crate::{driver::Wake, wake_flag::WakeFlag};
use crossbeam_queue::SegQueue;
use std::{
    error, fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering, fence},
    },
};

/// The worker's end. Dropping it closes the mailbox and drops what is in it.
pub struct Mailbox<M> {
    shared: Arc<Shared<M>>,
}

/// The other end, for any thread.
pub struct Remote<M> {
    shared: Arc<Shared<M>>,
}

/// The worker is gone; here is the message back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<M>(pub M);

struct Shared<M> {
    queue: SegQueue<M>,
    flag: WakeFlag,
    closed: AtomicBool,
    wake: Arc<dyn Wake>,
}

impl<M> Mailbox<M> {
    /// An empty mailbox; `wake` ends the sleep of the worker that will own it.
    pub fn new(wake: Arc<dyn Wake>) -> Self {
        let queue = SegQueue::new();
        let closed = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { queue, flag: WakeFlag::new(), closed, wake }) }
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<M> {
        Remote { shared: Arc::clone(&self.shared) }
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<M> {
        self.shared.queue.pop()
    }

    /// Whether a message waits.
    pub fn is_empty(&self) -> bool {
        self.shared.queue.is_empty()
    }

    /// From here on posting wakes the worker. False: there is a message already, do not sleep. Other
    /// sources that [`Remote::notify`] speaks for are to be looked at after this, too.
    pub fn prepare_sleep(&mut self) -> bool {
        self.shared.flag.announce_sleep();
        self.shared.queue.is_empty()
    }

    /// From here on posting is cheap again.
    pub fn awake(&mut self) {
        self.shared.flag.awake();
    }
}

impl<M> Drop for Mailbox<M> {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Partner: the fence in `post`. Either we see the message there, or the poster sees `closed`.
        fence(Ordering::SeqCst);
        self.shared.clear();
    }
}

impl<M> Shared<M> {
    fn clear(&self) {
        while self.queue.pop().is_some() {}
    }
}

impl<M> Remote<M> {
    /// Queues a message, and wakes the worker if it sleeps. Never waits.
    ///
    /// # Errors
    /// [`Closed`] hands the message back if the worker is gone. One that is posted while the worker
    /// goes may be dropped instead.
    pub fn post(&self, message: M) -> Result<(), Closed<M>> {
        if self.is_closed() {
            return Err(Closed(message));
        }
        self.shared.queue.push(message);
        self.notify();
        // Ordered after the push by the fence in `must_wake`. Partner: the fence in `drop`.
        if self.is_closed() {
            self.shared.clear();
        }
        Ok(())
    }

    /// Wakes the worker if it sleeps: for work that was put where it looks before it sleeps. That work
    /// must be visible before this call.
    pub fn notify(&self) {
        if self.shared.flag.must_wake() {
            self.shared.wake.wake();
        }
    }

    /// Makes the current or the next wait of the worker return, whether it sleeps or not.
    pub fn wake(&self) {
        self.shared.wake.wake();
    }

    /// The handle that ends a wait.
    pub fn waker(&self) -> Arc<dyn Wake> {
        Arc::clone(&self.shared.wake)
    }

    /// Whether the worker is gone.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed)
    }
}

impl<M> Clone for Remote<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("len", &self.shared.queue.len()).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Remote<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for Closed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the worker is gone")
    }
}

// For any message: the error is about the worker.
impl<M> fmt::Debug for Closed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<M> error::Error for Closed<M> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted() -> (Mailbox<u32>, Arc<Count>) {
        let count = Arc::new(Count::default());
        (Mailbox::new(count.clone()), count)
    }

    #[test]
    fn post_to_an_awake_worker_wakes_nobody() {
        let (mut mailbox, count) = counted();
        let remote = mailbox.remote();
        remote.post(1).unwrap();
        remote.post(2).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        assert_eq!((mailbox.pop(), mailbox.pop(), mailbox.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn sleeping_worker_is_woken_once_for_many_posts() {
        let (mut mailbox, count) = counted();
        let remote = mailbox.remote();
        assert!(mailbox.prepare_sleep());
        for n in 0..5 {
            remote.post(n).unwrap();
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        mailbox.awake();
        remote.post(9).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn waiting_message_forbids_sleep() {
        let (mut mailbox, _) = counted();
        mailbox.remote().post(1).unwrap();
        assert!(!mailbox.prepare_sleep());
    }

    #[test]
    fn closed_mailbox_hands_the_message_back() {
        let (mailbox, _) = counted();
        let remote = mailbox.remote();
        drop(mailbox);
        assert_eq!(remote.post(7), Err(Closed(7)));
    }

    #[test]
    fn message_left_in_a_closed_mailbox_is_dropped() {
        let value = Arc::new(());
        let mailbox = Mailbox::new(Arc::new(Count::default()) as Arc<dyn Wake>);
        let remote = mailbox.remote();
        remote.post(value.clone()).unwrap();
        drop(mailbox);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn message_posted_while_the_mailbox_closes_is_not_kept() {
        for _ in 0..200 {
            let value = Arc::new(());
            let mailbox = Mailbox::new(Arc::new(Count::default()) as Arc<dyn Wake>);
            let remote = mailbox.remote();
            let message = value.clone();
            let poster = std::thread::spawn(move || {
                let refused = remote.post(message).is_err();
                (remote, refused)
            });
            drop(mailbox);
            let kept_alive = poster.join().expect("the poster does not panic");
            assert_eq!(Arc::strong_count(&value), 1);
            drop(kept_alive);
        }
    }
}
