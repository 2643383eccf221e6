//! Requests that do not wait for the answer to the one before.

use crate::support::{Answer, Gate, Numbers, Running, pattern, serve};
use bytes::Bytes;
use futures_core::Stream;
use headwater::extract::Path;
use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::{Body, Engine, Request, Response, Router, blocking};
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

const REQUESTS: usize = 1000;

fn app() -> Router {
    let number = |request: Request| request.param("number").map(str::to_owned).unwrap_or_default();
    Router::new().route("/n/{number}", get(number)).route("/large", get(|| pattern(300_000)))
}

fn requests() -> String {
    (0..REQUESTS).fold(String::new(), |mut all, number| {
        write!(all, "GET /n/{number} HTTP/1.1\r\nhost: test\r\n\r\n").expect("a string grows");
        all
    })
}

fn thousand_pipelined_requests_are_answered_in_order(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect();
    let sender = peer.send_aside(requests().into_bytes());
    for number in 0..REQUESTS {
        assert_eq!(peer.answer().text(), number.to_string());
    }
    sender.join().expect("everything was sent");
    assert_eq!(server.stats().requests, REQUESTS as u64);
}

fn pipelined_requests_may_be_cut_anywhere(engine: Engine) {
    let server = serve(engine, app());
    let requests = requests();
    for (seed, longest) in (0..).zip([3, 40, 200, 5000]) {
        let mut peer = server.connect();
        // Pieces that end within a head, between heads, and that hold several.
        for piece in Numbers::new(seed).cut(requests.as_bytes(), longest) {
            peer.send(piece);
        }
        for number in 0..REQUESTS {
            assert_eq!(peer.answer().text(), number.to_string(), "seed {seed}");
        }
    }
}

fn pipelined_requests_behind_large_answers_wait_for_the_reader(engine: Engine) {
    let server = serve(engine, app());
    let mut peer = server.connect_narrow();
    let large = pattern(300_000);
    let both = "GET /large HTTP/1.1\r\nhost: test\r\n\r\nGET /n/7 HTTP/1.1\r\nhost: test\r\n\r\n";
    let sender = peer.send_aside(both.repeat(30).into_bytes());
    assert_another_client_is_served(&server);
    for _ in 0..30 {
        assert!(peer.answer().body == large);
        assert_eq!(peer.answer().text(), "7");
    }
    sender.join().expect("everything was sent");
}

fn client_that_sends_on_before_it_is_answered_is_held_back(engine: Engine) {
    const MOST: usize = 256 * 1024 * 1024;
    let gate = Gate::default();
    let held = gate.clone();
    let app = app().route("/gate", get(async move || held.pass().await));
    let server = serve(engine, app);
    // One waits for a handler, one does not read its answers.
    for first in ["/gate", "/large"] {
        let mut peer = server.connect_narrow();
        peer.ask(first);
        let more = "GET /large HTTP/1.1\r\nhost: test\r\n\r\n".repeat(20_000);
        let sent = peer.send_until_held_back(more.as_bytes(), MOST);
        assert!(sent < MOST, "{first}: somebody keeps all of that");
        peer.reset();
    }
    server.wait_for_connections(0);
}

/// Yields itself in single bytes, none of them at once.
struct Bytewise(String, bool);

impl Stream for Bytewise {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.1 = !self.1;
        if self.1 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop().map(|last| Ok(last.to_string().into())))
    }
}

fn answers_of_every_kind_keep_the_order(engine: Engine) {
    let later = async |Path(number): Path<String>| {
        headwater::time::sleep(Duration::from_micros(300)).await;
        number
    };
    let streamed = |Path(number): Path<String>| {
        let reversed = number.chars().rev().collect();
        Response::new(StatusCode::OK).body(Body::stream(Bytewise(reversed, false)))
    };
    let app = app()
        .route("/later/{number}", get(later))
        .route("/blocking/{number}", get(blocking(|Path(number): Path<String>| number)))
        .route("/streamed/{number}", get(streamed))
        .route("/echo", post(|body: String| body));
    let server = serve(engine, app);
    for seed in 0..4 {
        let mut numbers = Numbers::new(seed);
        let kinds: Vec<usize> = (0..REQUESTS).map(|_| numbers.below(8)).collect();
        let requests = kinds.iter().enumerate().fold(String::new(), |mut all, (number, kind)| {
            let body = number.to_string();
            let head = match kind {
                0 | 1 => format!("GET /n/{number}"),
                2 => format!("GET /later/{number}"),
                3 => format!("GET /blocking/{number}"),
                4 => format!("GET /streamed/{number}"),
                5 => format!("HEAD /streamed/{number}"),
                6 => format!("HEAD /blocking/{number}"),
                _ => "POST /echo".to_owned(),
            };
            write!(all, "{head} HTTP/1.1\r\nhost: test\r\n").expect("a string grows");
            match kind {
                7 if number % 2 == 0 => write!(all, "content-length: {}\r\n\r\n{body}", body.len()),
                7 => write!(
                    all,
                    "transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                    body.len()
                ),
                _ => write!(all, "\r\n"),
            }
            .expect("a string grows");
            all
        });
        let mut peer = server.connect();
        let mut sender = peer.clone_to_send();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for piece in numbers.cut(requests.as_bytes(), 4000) {
                    sender.send(piece);
                }
            });
            for (number, kind) in kinds.iter().enumerate() {
                let what = format!("seed {seed}, request {number} of kind {kind}");
                if matches!(kind, 5 | 6) {
                    assert_eq!(
                        Answer::receive_head(&mut peer).expect("a head").status,
                        200,
                        "{what}"
                    );
                } else {
                    assert_eq!(peer.answer().text(), number.to_string(), "{what}");
                }
            }
        });
    }
}

fn assert_another_client_is_served(server: &Running) {
    assert_eq!(server.get("/n/1").text(), "1");
}

on_every_engine! {
    thousand_pipelined_requests_are_answered_in_order,
    pipelined_requests_may_be_cut_anywhere,
    pipelined_requests_behind_large_answers_wait_for_the_reader,
    client_that_sends_on_before_it_is_answered_is_held_back,
    answers_of_every_kind_keep_the_order,
}
