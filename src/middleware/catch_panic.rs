//! Turns panics into answers within the chain, so that middleware further out sees them.

use super::skip::{Skip, skippable};
use super::{Layer, Middleware};
use crate::handler::{Answering, Reply, shape};
use crate::response::{IntoResponse, Response};
use http::StatusCode;
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a panic left behind, to an answer.
type OnPanic = dyn Fn(&(dyn Any + Send)) -> Response + Send + Sync;

/// Answers 500 where a handler or middleware further in panics. A server does that by itself, but outside
/// of all middleware: with this, middleware further out gets an answer, and can log it or add headers. Such
/// panics are not among the server's [`Stats::handler_panics`](crate::Stats).
///
/// ```
/// use headwater::{Request, Router, middleware::CatchPanic, routing::get};
///
/// let app = Router::new()
///     .route("/", get(|| if true { panic!("on purpose") } else { "never" }))
///     .with(CatchPanic::new().answer_with(|_| "sorry"));
/// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("sorry"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct CatchPanic {
    answer: Arc<OnPanic>,
    skip: Skip,
}

impl CatchPanic {
    /// Answers 500 and a line of text.
    pub fn new() -> Self {
        let failed =
            |_: &_| Response::plain(StatusCode::INTERNAL_SERVER_ERROR, "the handler failed\n");
        Self { answer: Arc::new(failed), skip: Skip::default() }
    }

    /// Answers with what this makes of the panic's payload, which is mostly a `&'static str` or a
    /// `String`. The panic hook has run by then.
    pub fn answer_with<R: IntoResponse>(
        mut self,
        answer: impl Fn(&(dyn Any + Send)) -> R + Send + Sync + 'static,
    ) -> Self {
        self.answer = Arc::new(move |panic| answer(panic).into_response());
        self
    }
}

skippable!(CatchPanic, "CatchPanic::new()");

impl Default for CatchPanic {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CatchPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CatchPanic")
    }
}

impl Middleware<shape::Made> for CatchPanic {
    fn into_layer(self) -> Layer {
        let answer = self.answer;
        self.skip.layer(move |request, next| {
            match catch_unwind(AssertUnwindSafe(|| next.answer(request))) {
                Ok(Reply::Ready(response)) => Reply::Ready(response),
                Ok(Reply::Pending(answering)) => {
                    let answer = answer.clone();
                    Reply::Pending(Box::pin(Caught { answering, answer }))
                }
                Err(panic) => Reply::Ready(answer(&*panic)),
            }
        })
    }
}

/// An answer that may still panic.
struct Caught {
    answering: Answering,
    answer: Arc<OnPanic>,
}

impl Future for Caught {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.answering.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready((self.answer)(&*panic)))
    }
}
