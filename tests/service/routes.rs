//! The server that is tested: one path for each way in which a handler can answer.

use crate::gates::{Gates, Wait};
use crate::kind::Kind;
use crate::limits::LIFETIME;
use bytes::Bytes;
use headwater::extract::Json;
use headwater::http::{HeaderValue, StatusCode, header};
use headwater::routing::{MethodRouter, get, post};
use headwater::sse::{self, Client, Event};
use headwater::{Body, Broker, Hub, Request, Response, Router, detach};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;

/// What `/limited` takes.
pub(crate) const LIMIT_BYTES: usize = 8;
/// More than a worker copies.
pub(crate) const LARGE_BYTES: usize = 20_000;
/// More than it sends together.
pub(crate) const HUGE_BYTES: usize = 70_000;
/// What `/drip` sends before and behind its gate.
pub(crate) const DRIPS: [&str; 2] = ["before", "behind"];
/// What the streams of `/events` and `/events-at-gate` say.
pub(crate) const WORDS: [&str; 3] = ["one", "two", "three"];

/// The server, and what it is steered by.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) gates: Gates,
    pub(crate) news: Broker,
}

impl App {
    pub(crate) fn new() -> Self {
        let gates = Gates::default();
        let news = Hub::builder().ring_events(1024).build().broker("news").build();
        let router = Router::new();
        let router = [answers(), failures(), streams(&gates), events(&gates, &news)]
            .into_iter()
            .flatten()
            .fold(router, |router, (kind, methods)| {
                router.route(&format!("/{}", kind.name()), methods)
            });
        Self { router, gates, news }
    }
}

/// At most [`HUGE_BYTES`], in which every piece can be told from every other.
pub(crate) fn pattern(bytes: usize) -> Bytes {
    static PATTERN: LazyLock<Bytes> = LazyLock::new(|| {
        (0..HUGE_BYTES)
            .map(|at| b"0123456789abcdefghijklmnopqrstuvwxyz"[(at ^ (at >> 9)) % 36])
            .collect()
    });
    PATTERN.slice(..bytes)
}

type Routes = Vec<(Kind, MethodRouter)>;

fn answers() -> Routes {
    let echo = |request: Request| Bytes::copy_from_slice(request.body());
    let known = |request: &Request| match request.header("x-known") {
        Some(_) => Ok(()),
        None => Err(StatusCode::UNAUTHORIZED),
    };
    let later = async || {
        yield_for(3).await;
        "at last"
    };
    vec![
        (Kind::Small, get(|| "small")),
        (Kind::Json, get(|| Json([1, 2, 3]))),
        (Kind::Large, get(|| pattern(LARGE_BYTES))),
        (Kind::Huge, get(|| pattern(HUGE_BYTES))),
        (Kind::Empty, get(|| StatusCode::NO_CONTENT)),
        (Kind::Unchanged, get(|| StatusCode::NOT_MODIFIED)),
        (Kind::Later, get(later)),
        (Kind::Echo, post(echo)),
        (Kind::Limited, post(echo).body_limit(LIMIT_BYTES as u64)),
        (Kind::Checked, post(echo).before_body(known)),
    ]
}

fn failures() -> Routes {
    let later = async || -> &'static str {
        yield_for(1).await;
        fail()
    };
    let reserved = || {
        let length = HeaderValue::from_static("5");
        Response::new(StatusCode::OK).header(header::CONTENT_LENGTH, length)
    };
    vec![
        (Kind::Panics, get(|| -> &'static str { fail() })),
        (Kind::PanicsLater, get(later)),
        (Kind::Reserved, get(reserved)),
        (Kind::Interim, get(|| StatusCode::PROCESSING)),
    ]
}

fn streams(gates: &Gates) -> Routes {
    let sized = |said: usize, pieces: fn() -> Vec<Piece>| {
        get(move || {
            Response::new(StatusCode::OK)
                .body(Body::sized_stream(said as u64, Pieces::of(pieces())))
        })
    };
    let chunked = |pieces: fn() -> Vec<Piece>| {
        get(move || Response::new(StatusCode::OK).body(Body::stream(Pieces::of(pieces()))))
    };
    let (gates, gate) = (gates.clone(), gates.clone());
    let drip = move || {
        let [before, behind] = DRIPS.map(|text| Piece::Bytes(Bytes::from_static(text.as_bytes())));
        let pieces = Pieces::of(vec![before, Piece::Gate(gates.wait()), behind]);
        Response::new(StatusCode::OK).body(Body::stream(pieces))
    };
    let waits = move || {
        let gate = gate.clone();
        async move {
            gate.wait().await;
            "opened"
        }
    };
    vec![
        (Kind::Gate, get(async move || waits().await)),
        (Kind::Drip, get(drip)),
        (Kind::Stream, chunked(|| vec![large(), Piece::Yield, small()])),
        (Kind::Broken, chunked(|| vec![small(), Piece::Fail])),
        (Kind::Sized, sized(LARGE_BYTES + SMALL.len(), || vec![large(), Piece::Yield, small()])),
        (Kind::Short, sized(SMALL.len() + 1, || vec![small()])),
    ]
}

fn events(gates: &Gates, news: &Broker) -> Routes {
    let gates = gates.clone();
    let at_gate = move |client: Client| {
        let gates = gates.clone();
        async move {
            for (place, word) in WORDS.into_iter().enumerate() {
                if place == 1 {
                    gates.wait().await;
                }
                // A client that has left is not told more.
                if client.send(Event::data(word)).await.is_err() {
                    return;
                }
            }
        }
    };
    let at_once = async |client: Client| {
        for word in WORDS {
            if client.send(Event::data(word)).await.is_err() {
                return;
            }
        }
    };
    let at_gate = sse::endpoint(async move |client: Client| at_gate(client).await);
    let at_gate = at_gate.cancel_on_disconnect(true);
    let brief = sse::feed(news).max_lifetime(LIFETIME).lifetime_jitter(Duration::ZERO);
    let admitted = sse::endpoint(at_once).on_disconnect(|_, _| {});
    let admitted = admitted.on_connect(async |request: &Request, _: &Client| {
        yield_for(2).await;
        request.header("x-known").map(drop).ok_or(StatusCode::FORBIDDEN)
    });
    let tunnel = || {
        let protocol = HeaderValue::from_static("echo");
        let head = Response::new(StatusCode::SWITCHING_PROTOCOLS).header(header::UPGRADE, protocol);
        detach(head, async |line| {
            while let Some(bytes) = line.read().await {
                if line.write(bytes).await.is_err() {
                    return;
                }
            }
        })
    };
    vec![
        (Kind::Events, get(sse::endpoint(at_once))),
        (Kind::EventsAtGate, get(at_gate)),
        (Kind::BriefFeed, get(brief)),
        (Kind::Admitted, get(admitted)),
        (Kind::Feed, get(sse::feed(news))),
        (Kind::Tunnel, get(tunnel)),
    ]
}

/// What streamed bodies say beside a large piece.
pub(crate) const SMALL: &str = "small";

fn small() -> Piece {
    Piece::Bytes(Bytes::from_static(SMALL.as_bytes()))
}

fn large() -> Piece {
    Piece::Bytes(pattern(LARGE_BYTES))
}

/// A panic of which no hook is told: those of fuzzers end the process.
fn fail() -> ! {
    resume_unwind(Box::new("on purpose"))
}

/// Is woken so many times before it is done.
async fn yield_for(mut times: usize) {
    poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a streamed body does next.
enum Piece {
    Bytes(Bytes),
    Gate(Wait),
    Yield,
    Fail,
}

struct Pieces(VecDeque<Piece>);

impl Pieces {
    fn of(pieces: Vec<Piece>) -> Self {
        Self(pieces.into())
    }
}

impl futures_core::Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(mut piece) = self.0.pop_front() else { return Poll::Ready(None) };
            match &mut piece {
                Piece::Bytes(bytes) => return Poll::Ready(Some(Ok(std::mem::take(bytes)))),
                Piece::Fail => return Poll::Ready(Some(Err(io::ErrorKind::Other.into()))),
                Piece::Yield => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Piece::Gate(gate) => {
                    if Pin::new(gate).poll(context).is_pending() {
                        self.0.push_front(piece);
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}
