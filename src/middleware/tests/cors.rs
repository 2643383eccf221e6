//! Who is allowed what, and what caches are told.

use super::{ask, header};
use crate::middleware::Cors;
use crate::routing;
use crate::{Response, Router};
use http::{HeaderValue, Method, header as names};
use std::panic::catch_unwind;
use std::time::Duration;

const PAGE: &str = "https://page.test";
const ALL_THREE: &str = "origin, access-control-request-method, access-control-request-headers";

fn app(cors: Cors) -> Router {
    let with_vary = || ([("vary", "Accept, ORIGIN")], "varied");
    Router::new()
        .route("/", routing::get(|| "hello").put(|| "put"))
        .route("/vary", routing::get(with_vary))
        .route("/star", routing::get(|| ([("vary", "*")], "")))
        .route("/options", routing::options(|| "own"))
        .with(cors)
}

fn preflight(app: &Router, origin: &str, method: &str, headers: &str) -> Response {
    let mut fields = vec![("origin", origin), ("access-control-request-method", method)];
    if !headers.is_empty() {
        fields.push(("access-control-request-headers", headers));
    }
    ask(app, "OPTIONS", "/", &fields)
}

fn allowed(response: &Response, what: &str) -> Option<String> {
    header(response, &format!("access-control-allow-{what}"))
}

#[test]
fn preflight_says_all_that_is_allowed() {
    let cors = Cors::origins(["https://other.test", PAGE])
        .methods([Method::PUT, Method::PATCH])
        .headers(["X-One", "x-two"])
        .expose(["x-seen"])
        .credentials()
        .max_age(Duration::from_millis(600_500));
    let answer = preflight(&app(cors), PAGE, "PUT", "x-one");
    assert_eq!((answer.status().as_u16(), answer.text()), (204, Some("")));
    assert_eq!(allowed(&answer, "origin").as_deref(), Some(PAGE));
    assert_eq!(allowed(&answer, "credentials").as_deref(), Some("true"));
    assert_eq!(allowed(&answer, "methods").as_deref(), Some("PUT, PATCH"));
    assert_eq!(allowed(&answer, "headers").as_deref(), Some("x-one, x-two"));
    assert_eq!(header(&answer, "access-control-max-age").as_deref(), Some("600"));
    assert_eq!(header(&answer, "access-control-expose-headers"), None);
    assert_eq!(header(&answer, "vary").as_deref(), Some(ALL_THREE));
    assert_eq!(answer.headers().len(), 8);
}

#[test]
fn preflight_of_a_stranger_says_nothing_but_what_it_depends_on() {
    let cors = Cors::origins([PAGE]).any_method().any_header().credentials();
    for origin in
        ["https://page.test.evil.test", "null", "https://page.test:444", "http://page.test"]
    {
        let answer = preflight(&app(cors.clone()), origin, "PUT", "x-one");
        assert_eq!(answer.status(), 204, "{origin}");
        assert_eq!(header(&answer, "vary").as_deref(), Some(ALL_THREE));
        assert_eq!(answer.headers().len(), 3, "{:?}", answer.headers());
    }
}

#[test]
fn what_is_asked_for_is_allowed_where_everything_is() {
    let app = app(Cors::any_origin().any_method().any_header());
    let answer = preflight(&app, PAGE, "BREW", "authorization, x-one");
    assert_eq!(allowed(&answer, "origin").as_deref(), Some("*"));
    assert_eq!(allowed(&answer, "methods").as_deref(), Some("BREW"));
    assert_eq!(allowed(&answer, "headers").as_deref(), Some("authorization, x-one"));
    assert_eq!(allowed(&answer, "credentials"), None);
    // What is no list of names is not repeated.
    assert_eq!(allowed(&preflight(&app, PAGE, "PUT", "a b"), "headers"), None);
    assert_eq!(allowed(&preflight(&app, PAGE, "PUT", ""), "headers"), None);
}

#[test]
fn nothing_beyond_the_safelists_is_allowed_by_default() {
    let answer = preflight(&app(Cors::origins([PAGE])), PAGE, "PUT", "x-one");
    assert_eq!(allowed(&answer, "origin").as_deref(), Some(PAGE));
    assert_eq!((allowed(&answer, "methods"), allowed(&answer, "headers")), (None, None));
    assert_eq!(header(&answer, "access-control-max-age"), None);
}

#[test]
fn answers_are_permitted_and_vary_by_origin() {
    let app = app(Cors::origins([PAGE]).credentials().expose(["x-a", "X-B"]));
    let permitted = ask(&app, "GET", "/", &[("origin", PAGE)]);
    assert_eq!(permitted.text(), Some("hello"));
    assert_eq!(allowed(&permitted, "origin").as_deref(), Some(PAGE));
    assert_eq!(allowed(&permitted, "credentials").as_deref(), Some("true"));
    assert_eq!(header(&permitted, "access-control-expose-headers").as_deref(), Some("x-a, x-b"));
    let stranger: &[_] = &[("origin", "https://other.test")];
    for headers in [&[], stranger] {
        let answer = ask(&app, "GET", "/", headers);
        assert_eq!((answer.text(), allowed(&answer, "origin")), (Some("hello"), None));
        assert_eq!(header(&answer, "vary").as_deref(), Some("origin"));
    }
    // Also where no handler was asked.
    for (method, path, status) in
        [("GET", "/missing", 404), ("DELETE", "/", 405), ("OPTIONS", "/", 204)]
    {
        let answer = ask(&app, method, path, &[("origin", PAGE)]);
        assert_eq!(answer.status(), status);
        assert_eq!(allowed(&answer, "origin").as_deref(), Some(PAGE), "{method} {path}");
    }
}

#[test]
fn vary_of_the_handler_is_kept_and_not_repeated() {
    let app = app(Cors::origins([PAGE]));
    for (path, vary) in [("/vary", "Accept, ORIGIN"), ("/star", "*")] {
        let answer = ask(&app, "GET", path, &[("origin", PAGE)]);
        assert_eq!(header(&answer, "vary").as_deref(), Some(vary));
    }
}

#[test]
fn answers_to_any_origin_do_not_vary() {
    let app = app(Cors::any_origin().expose_all());
    let answer = ask(&app, "GET", "/", &[("origin", PAGE)]);
    assert_eq!(allowed(&answer, "origin").as_deref(), Some("*"));
    assert_eq!(header(&answer, "access-control-expose-headers").as_deref(), Some("*"));
    assert_eq!(header(&answer, "vary"), None);
    assert_eq!(ask(&app, "GET", "/", &[]).headers().len(), 1);
}

#[test]
fn options_that_is_no_preflight_goes_on() {
    let app = app(Cors::origins([PAGE]));
    let answer = ask(&app, "OPTIONS", "/options", &[("origin", PAGE)]);
    assert_eq!((answer.text(), allowed(&answer, "origin").as_deref()), (Some("own"), Some(PAGE)));
    let answer = ask(&app, "OPTIONS", "/options", &[("access-control-request-method", "PUT")]);
    assert_eq!(answer.text(), Some("own"));
}

#[test]
fn predicate_sees_origin_and_request() {
    let same_host = |origin: &str, request: &crate::Request| {
        request.authority().is_some_and(|host| origin == format!("https://{host}"))
    };
    let app = app(Cors::origin_if(same_host).credentials());
    let origin_of =
        |host| allowed(&ask(&app, "GET", "/", &[("origin", PAGE), ("host", host)]), "origin");
    assert_eq!(origin_of("page.test").as_deref(), Some(PAGE));
    assert_eq!(origin_of("other.test"), None);
}

#[test]
fn permission_of_the_handler_is_replaced() {
    let own = || {
        let star = HeaderValue::from_static("*");
        (names::ACCESS_CONTROL_ALLOW_ORIGIN, star, "")
    };
    let app = Router::new().route("/", routing::get(own)).with(Cors::origins([PAGE]));
    let answer = ask(&app, "GET", "/", &[("origin", PAGE)]);
    assert_eq!(allowed(&answer, "origin").as_deref(), Some(PAGE));
}

#[test]
fn private_networks_get_no_permission() {
    let app = app(Cors::any_origin().any_method());
    let fields = [
        ("origin", PAGE),
        ("access-control-request-method", "GET"),
        ("access-control-request-private-network", "true"),
    ];
    assert_eq!(allowed(&ask(&app, "OPTIONS", "/", &fields), "private-network"), None);
}

#[test]
fn contradictions_are_refused_when_the_router_is_built() {
    let refused = |make: fn() -> Cors| {
        let panic = catch_unwind(|| app(make())).expect_err("it panics");
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    assert!(refused(|| Cors::any_origin().credentials()).contains("not any origin"));
    assert!(refused(|| Cors::origins([PAGE]).credentials().expose_all()).contains("exposed"));
    assert!(refused(|| Cors::origins(["null"]).credentials()).contains("null"));
    assert!(
        refused(|| Cors::origins(["https://a.test/"])).contains("\"https://a.test/\" has a path")
    );
    assert!(refused(|| Cors::origins([PAGE]).headers(["a b"])).contains("name of a header"));
    // Without credentials it may be.
    let _ = app(Cors::origins(["null"]));
}
