//! Answers from elsewhere: a handle that travels to any thread, and the form in which an answer travels
//! back to its core.

use crate::body::Content;
use crate::handler::{Endpoint, Reply};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_channel::oneshot;
use http::{HeaderName, HeaderValue, StatusCode};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Answers one request, from any thread, at any time. Dropped without an answer, it answers 500.
///
/// See [`respond_later`].
#[derive(Debug)]
pub struct Responder(oneshot::Sender<Portable>);

impl Responder {
    /// Answers the request. The answer is made on this thread and sent by the core of its connection.
    ///
    /// # Errors
    /// [`RespondError::ClientGone`] if nobody waits for it any more, [`RespondError::Streamed`] if it is
    /// a stream, which cannot leave its thread (then the client gets a 500). Both give it back.
    pub fn respond(self, answer: impl IntoResponse) -> Result<(), RespondError> {
        let answer = Portable::try_from(answer.into_response()).map_err(RespondError::Streamed)?;
        self.0.send(answer).map_err(|answer| RespondError::ClientGone(answer.into()))
    }

    /// Whether nobody waits for the answer any more: the client has left, or the server has ended. A
    /// client that only stops sending still waits.
    pub fn is_closed(&self) -> bool {
        self.0.is_canceled()
    }
}

/// An answer that could not be given; here it is back.
#[derive(Debug)]
#[non_exhaustive]
pub enum RespondError {
    /// The client has left, or the server has ended.
    ClientGone(Response),
    /// A streamed body or an event stream belongs to a core, and the responder may be anywhere.
    Streamed(Response),
}

impl fmt::Display for RespondError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientGone(_) => "the client has left",
            Self::Streamed(_) => "a stream cannot be an answer from another thread",
        })
    }
}

impl Error for RespondError {}

/// A handler that has its request answered later: by another thread, a callback, or whoever has the
/// [`Responder`] then. It must not block itself: its core waits until it returns. Until the answer the
/// connection waits without a deadline, so whoever has the responder must see to one.
///
/// ```
/// use headwater::{Request, Responder, Router, respond_later, routing::get};
/// use std::sync::mpsc;
///
/// let (questions, inbox) = mpsc::channel::<(String, Responder)>();
/// std::thread::spawn(move || {
///     for (path, responder) in inbox {
///         // A client that has left needs no answer.
///         responder.respond(format!("you asked for {path}")).ok();
///     }
/// });
/// let app = Router::new().fallback(respond_later(move |request: Request, responder| {
///     // Should the thread be gone, the responder is dropped, and the client gets a 500.
///     questions.send((request.path().to_owned(), responder)).ok();
/// }));
/// ```
pub fn respond_later(handler: impl Fn(Request, Responder) + Send + Sync + 'static) -> Endpoint {
    Endpoint(Arc::new(move |request| {
        let (sender, receiver) = oneshot::channel();
        handler(request, Responder(sender));
        Reply::Pending(Box::pin(async move {
            receiver.await.map_or_else(|oneshot::Canceled| unanswered(), Response::from)
        }))
    }))
}

fn unanswered() -> Response {
    Response::plain(StatusCode::INTERNAL_SERVER_ERROR, "the request was not answered\n")
}

/// A whole answer, which may travel between threads: a [`Response`] that is no stream.
#[derive(Debug)]
pub(crate) struct Portable {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Portable {
    /// In place of a stream that was made away from its core.
    pub(crate) fn stranded() -> Self {
        let text = "a blocking handler cannot answer with a stream\n";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, headers: Vec::new(), body: Bytes::from_static(text.as_bytes()) }
    }
}

impl TryFrom<Response> for Portable {
    /// It is a stream.
    type Error = Response;

    fn try_from(mut response: Response) -> Result<Self, Response> {
        let body = match std::mem::take(&mut response.body.0) {
            Content::Empty => Bytes::new(),
            Content::Bytes(bytes) => bytes,
            stream => {
                response.body.0 = stream;
                return Err(response);
            }
        };
        Ok(Self { status: response.status, headers: response.headers, body })
    }
}

impl From<Portable> for Response {
    fn from(Portable { status, headers, body }: Portable) -> Self {
        Self { status, headers, body: body.into() }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread, which is nobody's core.
pub(crate) fn block_on<T>(mut future: Pin<Box<dyn Future<Output = T>>>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => thread::park(),
        }
    }
}
