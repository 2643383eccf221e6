//! Connections that a handler takes over: after the head of its answer, bytes go both ways as the handler
//! likes. What it shares with the worker is here; the worker's part is in `worker::takeover`.

use crate::body::{Body, Content};
use crate::response::Response;
use crate::worker::Tell;
use bytes::{Bytes, BytesMut};
use headwater_engine::Outbox;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Goes on with one connection, on its core.
pub(crate) type DetachedHandler = Box<dyn FnOnce(Detached) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Takes the connection of a request over: `head` is sent without a body, and `handler` goes on with the
/// connection, for example in the protocol that the client asked for with `Upgrade` (RFC 9110 §7.8).
///
/// For 101 the head also says `Connection: Upgrade`; for other statuses `Connection: close`, and what
/// follows is the body until the end. When the handler returns, what it wrote is sent and the connection
/// closed in order. It is not cancelled when the peer leaves: [`Detached::read`] and [`Detached::write`]
/// tell. A panic closes the connection. While a server drains, the answer is 503 instead.
///
/// A tiny protocol that echoes after an upgrade:
///
/// ```
/// use headwater::{IntoResponse, Request, Response, Router, detach, routing::get};
/// use headwater::http::{HeaderValue, StatusCode, header};
///
/// let echo = |request: Request| {
///     if request.header("upgrade") != Some(b"echo") {
///         return StatusCode::UPGRADE_REQUIRED.into_response();
///     }
///     let head = Response::new(StatusCode::SWITCHING_PROTOCOLS)
///         .header(header::UPGRADE, HeaderValue::from_static("echo"));
///     detach(head, async |line| {
///         while let Some(bytes) = line.read().await {
///             if line.write(bytes).await.is_err() {
///                 return;
///             }
///         }
///     })
/// };
/// let app = Router::new().route("/echo", get(echo));
/// ```
pub fn detach<F>(head: Response, handler: F) -> Response
where
    F: AsyncFnOnce(Detached) + 'static,
{
    let handler: DetachedHandler =
        Box::new(move |line| Box::pin(async move { handler(line).await }));
    head.body(Body(Content::Detached(Some(handler))))
}

/// A connection that was taken over. All methods take it shared, so that reading and writing can go on at
/// the same time. It stays on its core.
///
/// ```
/// use headwater::{Detached, Ended, PeerGone};
///
/// /// Greets, then waits for the end, whoever brings it.
/// async fn greet(line: Detached) -> Result<(), PeerGone> {
///     line.write("hello\n").await?;
///     line.flush().await?;
///     match line.ended().await {
///         Ended::Drain => line.write("we are closing\n").await,
///         _ => Err(PeerGone),
///     }
/// }
/// ```
pub struct Detached {
    pub(crate) wire: Rc<RefCell<Wire>>,
    pub(crate) tell: Tell,
}

/// The peer cannot be written to any more: it broke the connection, or has not read for
/// [`Timeouts::write`](crate::Timeouts::write).
///
/// ```
/// use headwater::{Detached, PeerGone};
///
/// /// Counts down, for as long as somebody is there to read it.
/// async fn count_down(line: &Detached) -> Result<(), PeerGone> {
///     for left in (0..3).rev() {
///         line.write(format!("{left}\n")).await?;
///     }
///     line.flush().await
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerGone;

impl fmt::Display for PeerGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer is gone")
    }
}

impl Error for PeerGone {}

/// Why a connection that was taken over should end.
///
/// ```
/// use headwater::{Detached, Ended};
///
/// /// Waits for the end, and takes leave of those who are still there.
/// async fn watch(line: Detached) {
///     match line.ended().await {
///         Ended::PeerGone => println!("the peer has left"),
///         Ended::Drain => drop(line.write("we are closing\n").await),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The peer is gone.
    PeerGone,
    /// The server drains; what is not over at the deadline is cut.
    Drain,
}

/// Between the handler and the worker.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
pub(crate) struct Wire {
    /// Received, but not read.
    pub(crate) inbox: BytesMut,
    /// Written, but not sent.
    pub(crate) outbox: Outbox,
    /// The peer will send nothing more.
    pub(crate) finished: bool,
    pub(crate) gone: bool,
    pub(crate) draining: bool,
    /// The handler has returned.
    pub(crate) done: bool,
    wakers: Vec<Waker>,
}

/// Why an outbox takes more.
const UNLIMITED: &str = "`Detached::write` keeps to the limit, the outbox has none of its own";

impl Wire {
    pub(crate) fn new(received: BytesMut, head: Bytes) -> Self {
        let mut outbox = Outbox::new(usize::MAX);
        outbox.push(head).expect(UNLIMITED);
        Self {
            inbox: received,
            outbox,
            finished: false,
            gone: false,
            draining: false,
            done: false,
            wakers: Vec::new(),
        }
    }

    /// Something has changed for the handler.
    pub(crate) fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn wait<T>(&mut self, waker: &Waker) -> Poll<T> {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
        Poll::Pending
    }

    pub(crate) fn has_room_to_receive(&self) -> bool {
        self.inbox.len() < Detached::BUFFER_BYTES
    }

    fn send(&mut self, bytes: Bytes) {
        self.outbox.push(bytes).expect(UNLIMITED);
    }

    fn has_room_to_send(&self) -> bool {
        self.outbox.len_bytes() < Detached::BUFFER_BYTES
    }
}

impl Detached {
    /// How many bytes wait each way (64 KiB), besides what one receive or one write adds to that. A peer
    /// that sends more is held back, a handler that writes more waits.
    pub const BUFFER_BYTES: usize = 64 * 1024;

    /// All bytes that have come since the last time, at least one; those that came behind the request are
    /// the first. `None` when no more will come, because the peer has stopped sending or is gone.
    ///
    /// ```
    /// use headwater::{Response, Router, Server, detach, http::StatusCode, routing::get};
    /// # use std::{io::{Read, Write}, net::{Shutdown, TcpStream}};
    ///
    /// // Takes all that comes, and says how much that was.
    /// let count = || {
    ///     detach(Response::new(StatusCode::OK), async |line| {
    ///         let mut bytes = 0;
    ///         while let Some(piece) = line.read().await {
    ///             bytes += piece.len();
    ///         }
    ///         // One that only stopped sending still reads.
    ///         line.write(format!("{bytes} bytes\n")).await.ok();
    ///     })
    /// };
    /// let app = Router::new().route("/count", get(count));
    /// # let server = Server::builder().bind("127.0.0.1:0").serve(app)?;
    /// # let mut client = TcpStream::connect(server.local_addrs()[0])?;
    /// # client.write_all(b"GET /count HTTP/1.1\r\nhost: x\r\n\r\nfour")?;
    /// # client.shutdown(Shutdown::Write)?;
    /// # let mut answer = String::new();
    /// # client.read_to_string(&mut answer)?;
    /// # assert!(answer.ends_with("\r\n\r\n4 bytes\n"), "{answer}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn read(&self) -> Option<Bytes> {
        poll_fn(|context| {
            let mut wire = self.wire.borrow_mut();
            if !wire.inbox.is_empty() {
                let bytes = std::mem::take(&mut wire.inbox).freeze();
                // There is room again.
                self.tell.tell();
                return Poll::Ready(Some(bytes));
            }
            if wire.finished || wire.gone {
                return Poll::Ready(None);
            }
            wire.wait(context.waker())
        })
        .await
    }

    /// Hands bytes over to be sent, once fewer than [`Detached::BUFFER_BYTES`] wait. They are sent whole
    /// and in order, unless the peer goes first.
    ///
    /// ```
    /// use headwater::{Detached, PeerGone};
    ///
    /// /// As fast as the peer reads: no more of the file waits here than the buffer holds.
    /// async fn send_file(line: &Detached, file: bytes::Bytes) -> Result<(), PeerGone> {
    ///     for at in (0..file.len()).step_by(16 * 1024) {
    ///         line.write(file.slice(at..file.len().min(at + 16 * 1024))).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PeerGone`], and then the bytes are lost.
    pub async fn write(&self, bytes: impl Into<Bytes>) -> Result<(), PeerGone> {
        let mut bytes = bytes.into();
        poll_fn(|context| {
            let mut wire = self.wire.borrow_mut();
            if wire.gone {
                return Poll::Ready(Err(PeerGone));
            }
            if !wire.has_room_to_send() {
                return wire.wait(context.waker());
            }
            wire.send(std::mem::take(&mut bytes));
            self.tell.tell();
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits until the kernel has everything that was written.
    ///
    /// ```
    /// use headwater::{Detached, PeerGone};
    /// use std::time::{Duration, Instant};
    ///
    /// /// How long a piece takes to leave, to send less to a peer that is slow.
    /// async fn time(line: &Detached, piece: bytes::Bytes) -> Result<Duration, PeerGone> {
    ///     let begin = Instant::now();
    ///     line.write(piece).await?;
    ///     line.flush().await?;
    ///     Ok(begin.elapsed())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PeerGone`] if it never will.
    pub async fn flush(&self) -> Result<(), PeerGone> {
        poll_fn(|context| {
            let mut wire = self.wire.borrow_mut();
            match (wire.gone, wire.outbox.is_empty()) {
                (true, _) => Poll::Ready(Err(PeerGone)),
                (false, true) => Poll::Ready(Ok(())),
                (false, false) => wire.wait(context.waker()),
            }
        })
        .await
    }

    /// Waits until there is a reason to end: for handlers that would otherwise only wait for something
    /// else. A peer that stops sending is told by [`Detached::read`].
    pub async fn ended(&self) -> Ended {
        poll_fn(|context| {
            let mut wire = self.wire.borrow_mut();
            match (wire.gone, wire.draining) {
                (true, _) => Poll::Ready(Ended::PeerGone),
                (false, true) => Poll::Ready(Ended::Drain),
                (false, false) => wire.wait(context.waker()),
            }
        })
        .await
    }

    /// Whether the peer is gone. One that only stops sending is not.
    pub fn is_gone(&self) -> bool {
        self.wire.borrow().gone
    }
}

impl fmt::Debug for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wire = self.wire.borrow();
        f.debug_struct("Detached")
            .field("to_read", &wire.inbox.len())
            .field("to_send", &wire.outbox.len_bytes())
            .field("gone", &wire.gone)
            .finish_non_exhaustive()
    }
}
