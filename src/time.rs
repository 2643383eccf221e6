//! Time for handlers: sleeping on the core's own timers. See [`sleep`].

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
/// ```
/// use headwater::{Router, Server, routing::get, time};
/// use std::time::Duration;
/// # use std::{io::{Read, Write}, net::TcpStream};
///
/// let slow = async || {
///     time::sleep(Duration::from_millis(10)).await;
///     "at last"
/// };
/// let app = Router::new().route("/", get(slow));
/// let server = Server::builder().bind("127.0.0.1:0").serve(app)?;
/// # let mut client = TcpStream::connect(server.local_addrs()[0])?;
/// # client.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// # assert!(answer.ends_with("at last"), "{answer}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
///
/// ```
/// use headwater::time;
/// use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};
///
/// /// What `work` comes to, unless it takes too long.
/// async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
///     let (mut work, mut limit) = (pin!(work), pin!(time::sleep(limit)));
///     poll_fn(|context| match work.as_mut().poll(context) {
///         Poll::Ready(done) => Poll::Ready(Some(done)),
///         Poll::Pending => limit.as_mut().poll(context).map(|()| None),
///     })
///     .await
/// }
/// # use headwater::{Request, Router, routing::get};
/// # let at_once = async || within(Duration::from_secs(1), async { "done" }).await;
/// # let app = Router::new().route("/", get(at_once));
/// # assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("done"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
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
