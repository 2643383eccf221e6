//! Handlers that block: run on threads of their own, so that their core goes on. The threads are in
//! `pool`; how an answer gets back to its core is in `responder`.

pub(crate) mod pool;

use crate::handler::{Endpoint, Handler, Reply};
use crate::responder::Portable;
use crate::response::Response;
use crate::task::{self, Aside};
use crate::wait::block_on;
use futures_channel::oneshot;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A handler that may block: it waits for disks, databases and locks, or computes for long, without
/// holding up the other connections of its core.
///
/// `handler` is any handler, with any arguments; they are taken, and it is called, on one of the server's blocking threads, at most
/// [`ServerBuilder::blocking_threads`](crate::ServerBuilder::blocking_threads), which are started when
/// they are needed. Requests for which there is no thread wait in a queue of
/// [`ServerBuilder::blocking_queue`](crate::ServerBuilder::blocking_queue); past it the answer is 503
/// with `Retry-After: 1`.
///
/// A panic is answered with 500. A client that leaves while its request waits takes the request with it;
/// a handler that has begun is not interrupted. A drain waits for handlers, also those whose clients have
/// left, until its deadline; one that is still at work then is left behind with its thread.
///
/// An asynchronous handler is waited for on its thread, where what belongs to a core is missing:
/// [`time::sleep`](crate::time::sleep) panics. A streamed body or an event stream belongs to its core:
/// returned from here it becomes a 500.
///
/// Outside of a server the handler runs in place.
///
/// ```
/// use headwater::{Request, Router, blocking, http::StatusCode, routing::get};
/// use headwater::extract::{Path, State};
/// use std::path::PathBuf;
///
/// #[derive(Clone)]
/// struct Notes(PathBuf);
///
/// let read = |State(Notes(folder)): State<Notes>, Path(id): Path<u64>| {
///     std::fs::read_to_string(folder.join(format!("{id}.txt"))).map_err(|_| StatusCode::NOT_FOUND)
/// };
/// let app = Router::new().route("/notes/{id}", get(blocking(read))).state(Notes("notes".into()));
/// # assert_eq!(app.call_blocking(Request::get("/notes/7").body("")?).status(), 404);
/// # Ok::<(), headwater::http::Error>(())
/// ```
pub fn blocking<S>(handler: impl Handler<S>) -> Endpoint {
    let endpoint = handler.into_endpoint();
    let needs = endpoint.needs().clone();
    Endpoint::new(needs, move |incoming| {
        let (endpoint, request) = (endpoint.clone(), incoming.take());
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            // The client left while its request waited.
            if sender.is_canceled() {
                return;
            }
            let answer = || match endpoint.call(request) {
                Reply::Ready(response) => response,
                Reply::Pending(answering) => block_on(answering),
            };
            let portable = || Portable::try_from(answer()).unwrap_or_else(|_| Portable::stranded());
            let answer = catch_unwind(AssertUnwindSafe(portable));
            // The client left meanwhile: nobody wants the answer.
            sender.send(answer).ok();
        };
        if task::run_aside(Aside::Request, Box::new(job)).is_err() {
            return Reply::Ready(busy());
        }
        Reply::Pending(Box::pin(async move {
            match receiver.await {
                Ok(Ok(answer)) => answer.into(),
                // Counted and answered like any panic of a handler, which has been reported before.
                Ok(Err(panic)) => resume_unwind(panic),
                // Only the end of the server drops jobs.
                Err(oneshot::Canceled) => busy(),
            }
        }))
    })
}

fn busy() -> Response {
    Response::unavailable("too many requests at once\n")
}
