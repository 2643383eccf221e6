//! Where ids come from, and who sees them.

use super::{ask, header};
use crate::extract::PeerAddr;
use crate::middleware::{AssignedId, RequestId};
use crate::routing;
use crate::{Request, Router};
use http::HeaderName;
use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

fn app(ids: RequestId) -> Router {
    Router::new().route("/", routing::get(|id: AssignedId| id.to_string())).with(ids)
}

#[test]
fn new_id_reaches_handler_and_client() {
    let answer = ask(&app(RequestId::new()), "GET", "/", &[("x-request-id", "mine")]);
    let id = header(&answer, "x-request-id").expect("echoed");
    assert_eq!(answer.text(), Some(id.as_str()));
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
}

#[test]
fn ids_of_all_threads_differ() {
    let ids = Mutex::new(HashSet::new());
    let app = app(RequestId::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    let id = header(&ask(&app, "GET", "/", &[]), "x-request-id");
                    assert!(ids.lock().expect("no panic").insert(id), "twice");
                }
            });
        }
    });
    assert_eq!(ids.into_inner().expect("no panic").len(), 1000);
}

#[test]
fn only_valid_ids_of_clients_are_taken_over() {
    let app = app(RequestId::new().accept());
    let id_for = |sent: &str| {
        header(&ask(&app, "GET", "/", &[("x-request-id", sent)]), "x-request-id").expect("echoed")
    };
    let longest = "a".repeat(128);
    for sent in ["a", "01H-x_y.z~:/+=", longest.as_str()] {
        assert_eq!(id_for(sent), sent);
    }
    let too_long = "a".repeat(129);
    for sent in ["", "a b", "a\"b", "a,b", "a;b", "\u{e9}", too_long.as_str()] {
        assert_eq!(id_for(sent).len(), 32, "{sent}");
    }
    let twice = ask(&app, "GET", "/", &[("x-request-id", "a"), ("x-request-id", "b")]);
    assert_eq!(header(&twice, "x-request-id").expect("one").len(), 32);
}

#[test]
fn ids_are_taken_over_from_some_clients_only() {
    let header_name = HeaderName::from_static("x-trace");
    let ids = RequestId::new()
        .header(header_name)
        .accept_if(|request| request.peer_addr().is_some_and(|peer| peer.ip().is_loopback()));
    let app = app(ids);
    let from = |peer: [u8; 4]| {
        let request = Request::get("/").header("x-trace", "mine").peer_addr((peer, 1).into());
        let answer = app.call_blocking(request.body("").expect("valid"));
        header(&answer, "x-trace").expect("echoed")
    };
    assert_eq!(from([127, 0, 0, 1]), "mine");
    assert_eq!(from([192, 0, 2, 1]).len(), 32);
}

#[test]
fn without_the_middleware_there_is_no_id() {
    let app = Router::new()
        .route("/must", routing::get(|id: AssignedId| id.to_string()))
        .route("/may", routing::get(|id: Option<AssignedId>| format!("{id:?}")))
        .route("/peer", routing::get(|peer: Option<PeerAddr>| format!("{peer:?}")));
    assert_eq!(ask(&app, "GET", "/must", &[]).status(), 500);
    assert_eq!(ask(&app, "GET", "/may", &[]).text(), Some("None"));
    assert_eq!(ask(&app, "GET", "/peer", &[]).text(), Some("None"));
}
