//! Answers from elsewhere: a handle that travels to any thread, and the form in which an answer travels
//! back to its core.

use crate::body::Content;
use crate::extract::Needs;
use crate::handler::{Endpoint, HandlerWith, Reply};
use crate::headers::Headers;
use crate::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_channel::oneshot;
use http::{Extensions, StatusCode};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Answers one request, from any thread, at any time. Dropped without an answer, it answers 500. It comes
/// from [`respond_later`].
///
/// ```
/// use headwater::{Request, Responder, Router, respond_later, routing::get};
/// use std::thread;
///
/// let slowly = |responder: Responder| {
///     thread::spawn(move || {
///         // What costs much is not done for a client that has left.
///         if !responder.is_closed() {
///             responder.respond("at last").ok();
///         }
///     });
/// };
/// let app = Router::new()
///     .route("/slow", get(respond_later(slowly)))
///     .route("/never", get(respond_later(drop::<Responder>)));
/// let ask = |path| app.call_blocking(Request::get(path).body("").expect("a path"));
/// assert_eq!(ask("/slow").text(), Some("at last"));
/// assert_eq!(ask("/never").status(), 500);
/// ```
#[derive(Debug)]
pub struct Responder(oneshot::Sender<Portable>);

impl Responder {
    /// Answers the request. The answer is made on this thread and sent by the core of its connection.
    ///
    /// # Errors
    /// [`RespondError::ClientGone`] if nobody waits for it any more, [`RespondError::Streamed`] if it is
    /// a stream, which cannot leave its thread (then the client gets a 500). Both give it back.
    pub fn respond(self, answer: impl IntoResponse) -> Result<(), RespondError> {
        let answer = Portable::try_from(answer.into_response())
            .map_err(|stream| RespondError::Streamed(Box::new(stream)))?;
        self.0.send(answer).map_err(|answer| RespondError::ClientGone(Box::new(answer.into())))
    }

    /// Whether nobody waits for the answer any more: the client has left, or the server has ended. A
    /// client that only stops sending still waits.
    pub fn is_closed(&self) -> bool {
        self.0.is_canceled()
    }
}

/// An answer that could not be given; here it is back.
///
/// ```
/// use headwater::{Request, RespondError, Responder, Router, respond_later, routing::get};
/// use std::sync::mpsc;
/// # use std::task::{Context, Waker};
///
/// let (questions, inbox) = mpsc::channel();
/// let app = Router::new().route(
///     "/",
///     get(respond_later(move |responder: Responder| questions.send(responder).expect("an inbox"))),
/// );
/// let mut asking = Box::pin(app.call(Request::get("/").body("")?));
/// # assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// let responder = inbox.recv()?;
/// // The client leaves.
/// drop(asking);
/// match responder.respond("too late") {
///     Err(RespondError::ClientGone(answer)) => assert_eq!(answer.text(), Some("too late")),
///     other => panic!("nobody waits: {other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RespondError {
    /// The client has left, or the server has ended.
    ClientGone(Box<Response>),
    /// A streamed body or an event stream belongs to a core, and the responder may be anywhere.
    Streamed(Box<Response>),
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
/// [`Responder`] then, which it takes after its other arguments. It must not block itself: its core waits
/// until it returns. Until the answer the connection waits without a deadline, so whoever has the responder
/// must see to one.
///
/// ```
/// use headwater::{Responder, Router, extract::Path, respond_later, routing::get};
/// use std::sync::mpsc;
///
/// let (questions, inbox) = mpsc::channel::<(u64, Responder)>();
/// std::thread::spawn(move || {
///     for (number, responder) in inbox {
///         // A client that has left needs no answer.
///         responder.respond(format!("twice that is {}", 2 * number)).ok();
///     }
/// });
/// let later = respond_later(move |Path(number): Path<u64>, responder: Responder| {
///     // Should the thread be gone, the responder is dropped, and the client gets a 500.
///     questions.send((number, responder)).ok();
/// });
/// let app = Router::new().route("/twice/{number}", get(later));
/// # let request = headwater::Request::get("/twice/3").body("")?;
/// # assert_eq!(app.call_blocking(request).text(), Some("twice that is 6"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
pub fn respond_later<H, S>(handler: H) -> Endpoint
where
    H: HandlerWith<Responder, S, Output = ()>,
{
    let mut needs = Needs::default();
    H::needs(&mut needs);
    let handler = Arc::new(handler);
    Endpoint::new(needs, move |incoming| {
        let handler = match handler.clone().take(incoming.take()) {
            Ok(handler) => handler,
            Err(rejected) => return Reply::Ready(*rejected),
        };
        let (sender, receiver) = oneshot::channel();
        handler(Responder(sender));
        Reply::Pending(Box::pin(async move {
            receiver.await.map_or_else(|oneshot::Canceled| unanswered(), Response::from)
        }))
    })
}

fn unanswered() -> Response {
    Response::plain(StatusCode::INTERNAL_SERVER_ERROR, "the request was not answered\n")
}

/// A whole answer, which may travel between threads: a [`Response`] that is no stream.
#[derive(Debug)]
pub(crate) struct Portable {
    status: StatusCode,
    headers: Headers,
    body: Bytes,
    extensions: Extensions,
}

impl Portable {
    /// In place of a stream that was made away from its core.
    pub(crate) fn stranded() -> Self {
        let text = "a blocking handler cannot answer with a stream\n";
        let answer = Response::plain(StatusCode::INTERNAL_SERVER_ERROR, text);
        Self::try_from(answer).expect("text is no stream")
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
        let Response { status, headers, extensions, .. } = response;
        Ok(Self { status, headers, body, extensions })
    }
}

impl From<Portable> for Response {
    fn from(Portable { status, headers, body, extensions }: Portable) -> Self {
        Self { status, headers, body: body.into(), extensions }
    }
}
