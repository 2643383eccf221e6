//! Methods: those that have a handler, and what is answered to the others.

use super::{ask, get, ok};
use crate::Router;
use crate::routing::{self, any, on};
use http::Method;

fn named(name: &'static str) -> impl Fn() -> &'static str + Send + Sync + Clone + 'static {
    move || name
}

#[test]
fn each_method_has_its_handler() {
    let methods = routing::get(named("get"))
        .post(named("post"))
        .put(named("put"))
        .patch(named("patch"))
        .delete(named("delete"))
        .options(named("options"))
        .trace(named("trace"))
        .on(Method::CONNECT, named("connect"));
    let app = Router::new().route("/", methods);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"] {
        assert_eq!(ask(&app, method, "/").text(), Some(method.to_lowercase().as_str()));
    }
    assert_eq!(
        ask(&app, "HEAD", "/").headers().get("content-type").expect("that of GET"),
        "text/plain; charset=utf-8"
    );
}

#[test]
fn last_handler_of_a_method_counts() {
    let app = Router::new().route("/", routing::get(named("first")).get(named("last")));
    assert_eq!(get(&app, "/"), ok("last"));
}

#[test]
fn head_is_answered_by_get_without_its_body_unless_it_has_a_handler() {
    let own = || ([("x-by", "head")], "left out");
    let app = Router::new()
        .route("/by-get", routing::get(named("body")))
        .route("/own", routing::get(named("body")).head(own))
        .route("/post", routing::post(named("body")));
    let by_get = ask(&app, "HEAD", "/by-get");
    assert_eq!((by_get.status().as_u16(), by_get.text()), (200, Some("")));
    let own = ask(&app, "HEAD", "/own");
    assert_eq!(
        (own.headers().get("x-by").expect("own"), own.text()),
        (&"head".parse().unwrap(), Some(""))
    );
    assert_eq!(ask(&app, "HEAD", "/post").status(), 405);
}

#[test]
fn options_and_405_say_which_methods_are_allowed() {
    let app = Router::new()
        .route("/read", routing::get(named("")))
        .route("/write", routing::post(named("")).put(named("")))
        .route("/options", routing::options(named("own")))
        .route("/head", routing::get(named("")).head(named("")));
    for (path, allow) in [
        ("/read", "GET, HEAD, OPTIONS"),
        ("/write", "POST, PUT, OPTIONS"),
        ("/head", "GET, HEAD, OPTIONS"),
    ] {
        for (method, status) in [("OPTIONS", 204), ("DELETE", 405), ("TRACE", 405)] {
            let answer = ask(&app, method, path);
            assert_eq!(answer.status(), status, "{method} {path}");
            assert_eq!(answer.headers().get("allow").expect("always"), allow);
        }
    }
    let own = ask(&app, "OPTIONS", "/options");
    assert_eq!((own.text(), own.headers().get("allow")), (Some("own"), None));
    assert_eq!(ask(&app, "GET", "/options").headers().get("allow").expect("405"), "OPTIONS");
    assert_eq!(ask(&app, "OPTIONS", "/missing").status(), 404);
}

#[test]
fn options_of_the_server_names_the_methods_of_all_routes() {
    let app = Router::new()
        .route("/a", routing::get(named("")))
        .route("/b", routing::post(named("")).on("PURGE".parse().unwrap(), named("")))
        .fallback(named("not asked"));
    let answer = ask(&app, "OPTIONS", "*");
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers().get("allow").expect("given"), "OPTIONS, GET, HEAD, POST, PURGE");
}

#[test]
fn methods_that_nobody_knows_are_not_implemented() {
    let purge = Method::from_bytes(b"PURGE").expect("a token");
    let app = Router::new()
        .route("/", routing::get(named("get")))
        .route("/cache", on(purge, named("purged")))
        .route("/any", any(named("any")).get(named("get")));
    assert_eq!(ask(&app, "BREW", "/").status(), 501);
    assert_eq!(ask(&app, "BREW", "/missing").status(), 501);
    assert_eq!(ask(&app, "CONNECT", "/").status(), 501);
    assert_eq!(ask(&app, "PURGE", "/cache").text(), Some("purged"));
    // Some route knows it, so it is this path that does not allow it.
    assert_eq!(ask(&app, "PURGE", "/").status(), 405);
    assert_eq!(ask(&app, "purge", "/cache").status(), 501);
    for method in ["BREW", "OPTIONS", "CONNECT", "POST"] {
        assert_eq!(ask(&app, method, "/any").text(), Some("any"));
    }
    assert_eq!(ask(&app, "GET", "/any").text(), Some("get"));
    assert_eq!(ask(&app.fallback(named("fallback")), "BREW", "/missing").text(), Some("fallback"));
}
