//! Time for handlers: sleeping on the core's own timers.

use headwater_engine::timer::{Heap, HeapId};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

thread_local! {
    static SLEEPERS: Rc<RefCell<Heap<Waker>>> = Rc::default();
}

/// Waits for `duration` on the core that polls it; other work of the core goes on meanwhile.
///
/// # Panics
/// When polled on a thread that is not a worker of a server: nobody would wake it there.
pub fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    // A deadline that the clock cannot name is as good as never: 30 years.
    let never = Duration::from_hours(30 * 365 * 24);
    Sleep { deadline: now.checked_add(duration).unwrap_or(now + never), timer: None }
}

/// The future of [`sleep`].
#[derive(Debug)]
#[must_use = "a sleep that is not awaited does nothing"]
pub struct Sleep {
    deadline: Instant,
    /// Set while waiting. `Rc` keeps the future on its core.
    timer: Option<(HeapId, Rc<RefCell<Heap<Waker>>>)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.deadline {
            self.forget();
            return Poll::Ready(());
        }
        assert!(
            crate::task::is_core(),
            "headwater::time::sleep polled outside of a headwater worker"
        );
        self.forget();
        let sleepers = SLEEPERS.with(Rc::clone);
        let id = sleepers.borrow_mut().insert(self.deadline, context.waker().clone());
        self.timer = Some((id, sleepers));
        Poll::Pending
    }
}

impl Sleep {
    fn forget(&mut self) {
        if let Some((id, sleepers)) = self.timer.take() {
            sleepers.borrow_mut().cancel(id);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Wakes whoever slept long enough.
pub(crate) fn wake_sleepers(now: Instant) {
    // Not borrowed while waking: a wake may drop a future that sleeps.
    while let Some(waker) = SLEEPERS.with(|sleepers| sleepers.borrow_mut().pop_expired(now)) {
        waker.wake();
    }
}

/// When the next sleeper of this core wants to be woken.
pub(crate) fn next_wake() -> Option<Instant> {
    SLEEPERS.with(|sleepers| sleepers.borrow().next_deadline())
}
