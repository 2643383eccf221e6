//! What becomes which answer, and answers in the types of the `http` crate.

mod bodies;

use super::{Html, IntoResponse, Redirect, Response};
use crate::headers::Headers;
use crate::sse;
use crate::{Hub, Request};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::borrow::Cow;
use std::convert::Infallible;

fn content_type(response: &Response) -> Option<&str> {
    response.headers().get("content-type").map(|value| value.to_str().expect("text"))
}

#[track_caller]
fn expect(answer: impl IntoResponse, status: u16, kind: Option<&str>, body: &str) {
    let response = answer.into_response();
    assert_eq!(response.status(), status);
    assert_eq!(content_type(&response), kind);
    assert_eq!(response.text(), Some(body));
}

#[test]
fn usual_types_become_the_answers_that_their_table_says() {
    let text = Some("text/plain; charset=utf-8");
    let binary = Some("application/octet-stream");
    expect((), 200, None, "");
    expect(StatusCode::CREATED, 201, None, "");
    expect("a", 200, text, "a");
    expect("a".to_owned(), 200, text, "a");
    expect(Cow::Borrowed("a"), 200, text, "a");
    expect(Bytes::from("a"), 200, binary, "a");
    expect(b"a".to_vec(), 200, binary, "a");
    expect(*b"a", 200, binary, "a");
    expect(b"a", 200, binary, "a");
    expect(b"a".as_slice(), 200, binary, "a");
    expect(Cow::Borrowed(b"a".as_slice()), 200, binary, "a");
    expect(Html("<p>"), 200, Some("text/html; charset=utf-8"), "<p>");
    expect((StatusCode::ACCEPTED, "a"), 202, text, "a");
    expect(Some("a"), 200, text, "a");
    expect(None::<&str>, 404, None, "");
    expect(Ok::<_, Infallible>("a"), 200, text, "a");
    expect(Err::<&str, _>((StatusCode::CONFLICT, "b")), 409, text, "b");
    expect((header::CONTENT_TYPE, HeaderValue::from_static("a/b"), "c"), 200, Some("a/b"), "c");
    expect((StatusCode::OK, [("content-type", "a/b")], "c"), 200, Some("a/b"), "c");
}

#[test]
fn headers_of_all_kinds_go_before_those_of_the_body() {
    let twice = [(header::VARY, "a"), (header::VARY, "b")];
    let map: HeaderMap = twice
        .clone()
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    let answers = [
        (twice, "").into_response(),
        (vec![("vary", "a"), ("vary", "b")], "").into_response(),
        (map.clone(), "").into_response(),
        (Headers::from(map), "").into_response(),
    ];
    for answer in answers {
        assert!(answer.headers().get_all("vary").eq(["a", "b"]));
    }
    let nested = ([("content-type", "a/b")], ([("content-type", "c/d")], "e")).into_response();
    assert_eq!(nested.headers().get_all("content-type").count(), 1);
    assert_eq!(content_type(&nested), Some("a/b"));
}

#[test]
fn headers_that_are_not_valid_make_a_500() {
    for answer in [
        ([("a b", "c")], "").into_response(),
        (StatusCode::OK, [("a", "b\r\nc: d")], "").into_response(),
    ] {
        assert_eq!(answer.status(), 500);
        assert!(answer.text().is_some_and(|text| text.contains("not valid: ")));
    }
}

#[test]
fn redirects_hold_valid_locations_whatever_they_are_made_of() {
    let response = Redirect::permanent("/a b/\u{e9}\r\nx: y?q=%20&r=\"").into_response();
    assert_eq!(response.status(), 308);
    let location = response.headers().get("location").expect("set");
    assert_eq!(location, "/a%20b/%C3%A9%0D%0Ax:%20y?q=%20&r=%22");
    assert_eq!(Redirect::temporary("https://[::1]/").into_response().status(), 307);
}

#[test]
fn nothing_is_lost_on_the_way_from_http_types_and_back() {
    let mut there = http::Response::builder()
        .status(418)
        .header("x-a", "1")
        .header("x-b", HeaderValue::from_bytes(b"\xff").expect("opaque"))
        .header("x-a", "2")
        .body(Bytes::from_static(b"tea"))
        .expect("valid");
    there.extensions_mut().insert(7_u8);
    let response = Response::from(there.clone());
    assert_eq!(response.headers().get_all("x-a").count(), 2);
    let back = http::Response::<Bytes>::try_from(response).expect("bytes");
    assert_eq!(
        (back.status(), back.headers(), back.body()),
        (there.status(), there.headers(), there.body())
    );
    assert_eq!(back.extensions().get(), Some(&7_u8));
    assert!(
        http::Response::<Bytes>::try_from(Response::new(StatusCode::OK))
            .expect("empty")
            .body()
            .is_empty()
    );
}

#[test]
fn event_stream_says_so_and_is_given_back() {
    let app = crate::Router::new()
        .route("/", crate::routing::get(sse::feed(&Hub::new().broker("news").build())));
    for method in ["GET", "HEAD"] {
        let request = Request::builder().method(method).body("").expect("valid");
        let response = app.call_blocking(request);
        assert_eq!(content_type(&response), Some("text/event-stream"));
        assert!(response.is_event_stream());
        assert_eq!((response.bytes(), response.text()), (None, None));
        let back = http::Response::<Bytes>::try_from(response).expect_err("no bytes");
        assert!(back.is_event_stream());
    }
}

#[test]
fn headers_are_read_and_changed() {
    let name = HeaderName::from_static("x-a");
    let value = HeaderValue::from_static;
    let mut response = Response::new(StatusCode::OK).header(name.clone(), value("1"));
    response.headers_mut().append(name.clone(), value("2"));
    assert!(response.headers().get_all("X-A").eq(["1", "2"]));
    response.headers_mut().set(name, value("3"));
    assert!(response.headers().get_all("x-a").eq(["3"]));
    assert_eq!(response.headers_mut().remove("x-A"), 1);
    assert!(!response.headers().contains("x-a"));
}
