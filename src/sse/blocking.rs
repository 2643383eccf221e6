//! Streams that a function drives which may block, each on a thread of its own. Threads come from the
//! server's pool for streams; how a thread and a core find each other is here.

use super::admission::{Begin, Beginning, Gate, Unbegun};
use super::opening::Way;
use super::replaying::keeping;
use super::settings::{Settings, admitting, settable};
use super::{Client, Disconnect, StreamHandler};
use crate::extract::Needs;
use crate::handler::{Endpoint, Handler, HandlerWith, shape};
use crate::request::Request;
use crate::responder::Portable;
use crate::response::Response;
use crate::task::{self, Aside};
use futures_channel::oneshot;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};

/// A handler whose streams are driven by `handler`, one call per stream: a function of a [`Client`], before
/// which it may take arguments as any handler does, and which may block, as
/// [`Client::send_blocking`] does. The stream ends when it returns.
///
/// Each stream has a thread for as long as `handler` runs, not one of those that
/// [`blocking`](crate::blocking()) handlers share, since streams live long: at most
/// [`ServerBuilder::stream_threads`](crate::ServerBuilder::stream_threads), 256 by default; a request past
/// that is answered with 503 and `Retry-After: 1`. For more streams than threads are good for there is
/// [`endpoint`](super::endpoint()).
///
/// A handler whose client has left finds that out by sending; it is not interrupted. A drain waits for it
/// until its deadline.
///
/// ```
/// use headwater::{Router, routing::get, sse::{self, Client, Event}};
/// use std::{thread, time::Duration};
///
/// let app = Router::new().route(
///     "/load",
///     get(sse::blocking_endpoint(|client: Client| {
///         while let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
///             if client.send_blocking(Event::data(load.trim())).is_err() {
///                 return;
///             }
///             thread::sleep(Duration::from_secs(1));
///         }
///     })),
/// );
/// ```
pub fn blocking_endpoint<H, S>(handler: H) -> BlockingEndpoint
where
    H: HandlerWith<Client, S, Output = ()>,
{
    let mut needs = Needs::default();
    H::needs(&mut needs);
    let handler = Arc::new(handler);
    let run = Arc::new(move |request, line: &Line| match handler.clone().take(request) {
        Ok(handler) => line.accept().map_or((), handler),
        Err(refusal) => line.refuse(*refusal),
    });
    let (settings, gate) = (Settings::default(), Gate::default());
    BlockingEndpoint { begin: Threads(run), needs, settings, gate }
}

/// See [`blocking_endpoint`]. What may be set is as with [`Feed`](super::Feed).
///
/// ```
/// use headwater::sse::{self, Client, Event};
/// use headwater::{Request, Router, routing::get};
/// use std::time::Duration;
///
/// let import = |client: Client| {
///     for percent in [0, 50, 100] {
///         // Work that blocks, and then:
///         if client.send_blocking(Event::data(percent.to_string())).is_err() {
///             return;
///         }
///     }
/// };
/// let wants_events = |request: &Request| request.header("accept") == Some(b"text/event-stream");
/// let import = sse::blocking_endpoint(import)
///     .client_queue(None)
///     .heartbeat(Duration::from_secs(5))
///     .skip(move |request| !wants_events(request))
///     .otherwise(|| "Ask for text/event-stream to see how far it is.\n");
/// let app = Router::new().route("/import", get(import));
/// let answer = app.call_blocking(Request::get("/import").body("")?);
/// assert!(answer.text().is_some_and(|text| text.starts_with("Ask for")));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[must_use]
pub struct BlockingEndpoint {
    begin: Threads,
    needs: Needs,
    settings: Settings,
    gate: Gate,
}

settable!(BlockingEndpoint);
admitting!(BlockingEndpoint);
keeping!(BlockingEndpoint);

/// Runs on a thread of its own for each stream.
struct Threads(Arc<Run>);

type Run = dyn Fn(Request, &Line) + Send + Sync;

/// A thread's line to the core of its stream.
struct Line {
    answer: std::cell::Cell<Option<oneshot::Sender<Result<(), Portable>>>>,
    client: mpsc::Receiver<Client>,
}

impl Line {
    /// Says that the arguments are there, and waits for the client: none if the client has left.
    fn accept(&self) -> Option<Client> {
        self.tell(Ok(()));
        self.client.recv().ok()
    }

    fn refuse(&self, refusal: Response) {
        self.tell(Err(Portable::try_from(refusal).unwrap_or_else(|_| Portable::stranded())));
    }

    fn tell(&self, answer: Result<(), Portable>) {
        if let Some(sender) = self.answer.take() {
            // The client has left: nobody wants to know.
            sender.send(answer).ok();
        }
    }
}

impl Begin for Threads {
    fn begin(&self, request: Request) -> Beginning {
        // Nobody is there to have a stream.
        if *request.method() == http::Method::HEAD {
            return Beginning::Ready(Ok(Way::default()));
        }
        let (answer, answered) = oneshot::channel();
        let (hand_over, client) = mpsc::channel();
        let (done, is_done) = oneshot::channel();
        let run = self.0.clone();
        let job = move || {
            let line = Line { answer: Some(answer).into(), client };
            let outcome = catch_unwind(AssertUnwindSafe(|| run(request, &line)));
            // The core has ended.
            done.send(outcome).ok();
        };
        if task::run_aside(Aside::Stream, Box::new(job)).is_err() {
            return Beginning::Ready(Err(Unbegun::new(busy(), Disconnect::Overloaded)));
        }
        Beginning::Pending(Box::pin(async move {
            match answered.await {
                Ok(Ok(())) => {}
                Ok(Err(refusal)) => return Err(Unbegun::new(refusal.into(), Disconnect::Refused)),
                Err(oneshot::Canceled) => {
                    // It panicked over its arguments, or the server ends.
                    finish(is_done).await;
                    return Err(Unbegun::new(busy(), Disconnect::Drain));
                }
            }
            let handler: StreamHandler = Box::new(move |client| {
                // The thread waits for it, or has ended.
                hand_over.send(client).ok();
                Box::pin(finish(is_done))
            });
            Ok(Way { handler: Some(handler), ..Way::default() })
        }))
    }
}

/// Waits for the end of a thread's work. Its panic is counted and answered like any of a handler, and has
/// been reported before.
async fn finish(is_done: oneshot::Receiver<Result<(), Box<dyn std::any::Any + Send>>>) {
    if let Ok(Err(panic)) = is_done.await {
        resume_unwind(panic);
    }
}

fn busy() -> Response {
    Response::unavailable("too many streams at once\n")
}

impl fmt::Debug for BlockingEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingEndpoint").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Handler<shape::Made> for BlockingEndpoint {
    fn into_endpoint(self) -> Endpoint {
        self.gate.endpoint(self.needs, self.settings, self.begin)
    }
}
