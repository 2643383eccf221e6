//! Bodies that are not here yet: collected, converted, and left out of answers to HEAD.

use crate::response::{CollectError, Response};
use crate::{Body, Hub, Request, Router, detach, routing, sse};
use bytes::Bytes;
use futures_core::Stream;
use http::StatusCode;
use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Yields its pieces, each at the second look.
#[derive(Default)]
struct Slow {
    pieces: VecDeque<Result<Bytes, &'static str>>,
    looked: bool,
    _alive: Rc<()>,
}

impl Slow {
    fn new(pieces: &[Result<&'static str, &'static str>]) -> Self {
        let pieces =
            pieces.iter().map(|piece| piece.map(|text| Bytes::from_static(text.as_bytes())));
        Self { pieces: pieces.collect(), ..Self::default() }
    }
}

impl Stream for Slow {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.looked = !self.looked;
        if self.looked {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.pieces.pop_front())
    }
}

fn answer(body: impl Into<Body>) -> Response {
    Response::new(StatusCode::OK).body(body)
}

#[test]
fn pieces_are_collected_whatever_they_say_of_their_length() {
    let pieces = [Ok("ab"), Ok(""), Ok("c")];
    for body in [Body::stream(Slow::new(&pieces)), Body::sized_stream(3, Slow::new(&pieces))] {
        let answer = answer(body);
        assert_eq!((answer.bytes(), answer.text()), (None, None));
        assert_eq!(answer.into_bytes_blocking().expect("all pieces"), "abc");
    }
    for (body, whole) in [(Body::default(), ""), ("abc".into(), "abc")] {
        assert_eq!(answer(body).into_bytes_blocking().expect("it is here"), whole);
    }
}

#[test]
fn body_that_would_be_cut_is_not_collected() {
    let pieces = [Ok("ab"), Ok("c")];
    for (body, reason) in [
        (Body::stream(Slow::new(&[Ok("ab"), Err("lost")])), "the body failed: lost"),
        (
            Body::sized_stream(2, Slow::new(&pieces)),
            "the body failed: the body is longer than it said",
        ),
        (
            Body::sized_stream(5, Slow::new(&pieces)),
            "the body failed: the body ended 2 bytes early",
        ),
    ] {
        let error = answer(body).into_bytes_blocking().expect_err("it is cut");
        assert_eq!(error.to_string(), reason);
    }
}

#[test]
fn what_has_no_body_is_given_back() {
    let news = Hub::new().broker("news").build();
    let line = || detach(Response::new(StatusCode::SWITCHING_PROTOCOLS), async |_| ());
    let app = Router::new()
        .route("/events", routing::get(sse::feed(&news)))
        .route("/line", routing::get(line));
    let ask = |path| app.call_blocking(Request::get(path).body("").expect("a path"));
    for (path, status) in [("/events", 200), ("/line", 101)] {
        let Err(CollectError::Endless(back)) = ask(path).into_bytes_blocking() else {
            panic!("{path} has no body");
        };
        assert_eq!((back.status().as_u16(), back.bytes()), (status, None));
        assert_eq!((back.is_event_stream(), back.is_detached()), (status == 200, status == 101));
    }
}

#[test]
fn pieces_survive_the_way_through_http_types() {
    let there = http::Response::builder().status(202).header("x-a", "1");
    let there = there.body(Body::stream(Slow::new(&[Ok("ab"), Ok("c")]))).expect("valid");
    let response = Response::from(there);
    let response = http::Response::<Bytes>::try_from(response).expect_err("it is not here yet");
    let back = http::Response::<Body>::try_from(response).expect("a few headers");
    assert_eq!(
        (back.status(), &back.headers()["x-a"]),
        (StatusCode::ACCEPTED, &"1".parse().expect("text"))
    );
    assert_eq!(Response::from(back).into_bytes_blocking().expect("all pieces"), "abc");
    let text = http::Response::new("text");
    assert_eq!(Response::from(text).text(), Some("text"));
}

#[test]
fn answer_to_head_drops_the_pieces() {
    let alive = Rc::new(());
    let body = Body::stream(Slow { _alive: alive.clone(), ..Slow::default() });
    // Handlers are called from any thread, so that this one waits for its body on its own.
    thread_local!(static BODY: Cell<Option<Body>> = const { Cell::new(None) });
    BODY.set(Some(body));
    let app = Router::new().route("/", routing::get(|| answer(BODY.take().expect("asked once"))));
    let head = Request::builder().method("HEAD").body("").expect("valid");
    assert_eq!(app.call_blocking(head).bytes(), Some("".as_bytes()));
    assert_eq!(Rc::strong_count(&alive), 1);
}
