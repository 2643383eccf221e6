//! Middleware: what it sees, in which order, and what it may do.

use super::{ask, get, ok};
use crate::middleware::{Middleware, Next};
use crate::routing;
use crate::{IntoResponse, Request, Response, Router};
use http::StatusCode;
use std::cell::Cell;
use std::rc::Rc;

/// Adds its name to the path of the answer, on the way in and on the way out.
fn traced(name: &'static str) -> impl Middleware<crate::shape::Async<(Request, Next)>> {
    async move |mut request: Request, next: Next| {
        let before = request.extensions().get::<String>().cloned().unwrap_or_default();
        request.extensions_mut().insert(format!("{before}{name}>"));
        let response = next.run(request).await;
        let text = format!("{}<{name}", response.text().expect("text"));
        (response.status(), text)
    }
}

fn way(request: Request) -> String {
    request.extensions().get::<String>().cloned().unwrap_or_default()
}

#[test]
fn middleware_runs_in_order_outer_parts_first() {
    let inner = Router::new().with(traced("c")).route("/", routing::get(way)).with(traced("d"));
    let app = Router::new()
        .with(traced("a"))
        .route("/", routing::get(way))
        .nest("/inner", inner)
        .with(traced("b"));
    assert_eq!(get(&app, "/"), ok("a>b><b<a"));
    assert_eq!(get(&app, "/inner"), ok("a>b>c>d><d<c<b<a"));
}

#[test]
fn middleware_sees_what_no_route_matches() {
    let inner = Router::new().with(traced("i")).route("/", routing::get(way));
    let app = Router::new().with(traced("o")).nest("/inner", inner);
    assert_eq!(get(&app, "/missing"), (404, "not found\n<o".into()));
    assert_eq!(get(&app, "/inner/missing"), (404, "not found\n<i<o".into()));
    assert_eq!(get(&app, "/inner/%zz").1.matches('<').count(), 2);
    let not_allowed = ask(&app, "PUT", "/inner");
    assert_eq!(
        (not_allowed.status().as_u16(), not_allowed.text()),
        (405, Some("method not allowed\n<i<o"))
    );
    assert_eq!(ask(&app, "OPTIONS", "/inner").text(), Some("<i<o"));
    let with_fallback = app.fallback(way);
    assert_eq!(get(&with_fallback, "/inner/missing"), ok("o>i><i<o"));
}

#[test]
fn middleware_of_what_is_merged_stays_with_it() {
    let other = Router::new().with(traced("m")).route("/other", routing::get(way)).fallback(way);
    let app = Router::new().route("/one", routing::get(way)).with(traced("o")).merge(other);
    assert_eq!(get(&app, "/one"), ok("o><o"));
    assert_eq!(get(&app, "/other"), ok("o>m><m<o"));
    assert_eq!(get(&app, "/missing"), ok("o>m><m<o"));
}

#[test]
fn fallback_that_was_merged_never_runs_without_its_middleware() {
    let with_fallback = Router::new().with(traced("f")).fallback(way);
    let merged = Router::new().with(traced("b")).merge(with_fallback);
    let nested = Router::new().with(traced("n")).route("/", routing::get(way));
    let app = Router::new().with(traced("o")).nest("/nested", nested).merge(merged);
    assert_eq!(get(&app, "/missing"), ok("o>b>f><f<b<o"));
    assert_eq!(get(&app, "/nested/missing"), ok("o>n>b>f><f<b<n<o"));
}

#[test]
fn middleware_may_answer_itself_and_sees_parameters() {
    async fn only_even(request: Request, next: Next) -> Result<Response, StatusCode> {
        let odd = request.param("id").is_some_and(|id| id.ends_with(['1', '3', '5', '7', '9']));
        if odd { Err(StatusCode::FORBIDDEN) } else { Ok(next.run(request).await) }
    }
    let app = Router::new().route("/{id}", routing::get(|| "even")).with(only_even);
    assert_eq!(get(&app, "/2"), ok("even"));
    assert_eq!(get(&app, "/3").0, 403);
}

#[test]
fn middleware_need_not_be_send() {
    let app = Router::new().route("/", routing::get(async || "ready")).with(
        async |request: Request, next: Next| {
            let count = Rc::new(Cell::new(0));
            let response = next.run(request).await;
            count.set(count.get() + 1);
            (response.status(), count.get().to_string()).into_response()
        },
    );
    assert_eq!(get(&app, "/"), ok("1"));
}
