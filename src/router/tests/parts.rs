//! Routers in routers: prefixes, fallbacks, and the state of each part.

use super::{ask, get, ok, panic_of};
use crate::extract::{Path, State};
use crate::routing;
use crate::{Request, Router};

fn inner() -> Router {
    Router::new()
        .route("/", routing::get(|| "inner root"))
        .route("/a", routing::get(|request: Request| request.path().to_owned()))
        .route("/{id}/b", routing::get(|Path(id): Path<String>| id))
}

#[test]
fn nested_routes_are_under_the_prefix_and_see_the_whole_path() {
    let app = Router::new().nest("/api", inner()).nest("/dir/", inner());
    assert_eq!(get(&app, "/api"), ok("inner root"));
    assert_eq!(get(&app, "/api/a"), ok("/api/a"));
    assert_eq!(get(&app, "/api/x/b"), ok("x"));
    assert_eq!(get(&app, "/dir/"), ok("inner root"));
    assert_eq!(get(&app, "/dir/a"), ok("/dir/a"));
    for path in ["/a", "/api/", "/apia", "/dir", "/api/missing", "/"] {
        assert_eq!(get(&app, path).0, 404, "{path}");
    }
    assert_eq!(ask(&app, "POST", "/api/a").status(), 405);
}

#[test]
fn parameters_of_prefixes_come_first() {
    let both = |Path((tenant, id)): Path<(String, u8)>| format!("{tenant} {id}");
    let app = Router::new().nest(
        "/{tenant}",
        Router::new().nest("/v1", Router::new().route("/{id}", routing::get(both))),
    );
    assert_eq!(get(&app, "/acme/v1/7"), ok("acme 7"));
    assert_eq!(get(&app, "/acme/v1/700").0, 400);
}

#[test]
fn nearest_fallback_answers() {
    let with_own = inner().fallback(|| "inner fallback").nest("/deep", inner());
    let app = Router::new()
        .nest("/own", with_own)
        .nest("/none", inner())
        .fallback(|request: Request| format!("outer fallback {}", request.path()));
    for path in ["/own/missing", "/own/", "/own/deep/missing", "/own/a/b/c"] {
        assert_eq!(get(&app, path), ok("inner fallback"), "{path}");
    }
    assert_eq!(get(&app, "/none/missing"), ok("outer fallback /none/missing"));
    assert_eq!(get(&app, "/owner"), ok("outer fallback /owner"));
    // Known paths stay known.
    assert_eq!(ask(&app, "PUT", "/own/a").status(), 405);
}

#[test]
fn merged_routes_stand_side_by_side() {
    let other = Router::new()
        .route("/other", routing::get(|| "other"))
        .nest("/nested", inner())
        .fallback(|| "fallback of the other");
    let app = Router::new().route("/one", routing::get(|| "one")).merge(other);
    assert_eq!(get(&app, "/one"), ok("one"));
    assert_eq!(get(&app, "/other"), ok("other"));
    assert_eq!(get(&app, "/nested/a"), ok("/nested/a"));
    assert_eq!(get(&app, "/missing"), ok("fallback of the other"));
    assert_eq!(get(&app, "/nested/missing"), ok("fallback of the other"));
    let fallback = || Router::new().fallback(|| "");
    let twice = panic_of(|| fallback().merge(Router::new().merge(fallback())));
    assert!(twice.contains("both routers have a fallback"), "{twice}");
}

#[test]
fn prefixes_that_cannot_be_are_refused() {
    assert!(panic_of(|| Router::new().nest("api", inner())).contains("begins with a slash"));
    assert!(panic_of(|| Router::new().nest("/", inner())).contains("use merge"));
    let twice = || Router::new().nest("/api", Router::new()).nest("/api", Router::new());
    assert!(panic_of(twice).contains("nest \"/api\""));
    assert!(panic_of(|| Router::new().nest("/{*rest}", inner())).contains("{*rest}"));
}

#[test]
fn state_of_the_nearest_part_is_taken() {
    let show =
        |State(text): State<&'static str>, State(number): State<u8>| format!("{text} {number}");
    let part = || Router::new().route("/", routing::get(show));
    let app = Router::new()
        .nest("/own", part().state("own"))
        .nest("/outer", part())
        .state("first")
        .state("outer")
        .state(7_u8)
        .fallback(show);
    assert_eq!(get(&app, "/own"), ok("own 7"));
    assert_eq!(get(&app, "/outer"), ok("outer 7"));
    assert_eq!(get(&app, "/missing"), ok("outer 7"));
    // A fallback has the state of the part that it belongs to.
    assert_eq!(get(&app, "/own/missing"), ok("outer 7"));
}

#[test]
fn handlers_that_lack_something_are_named_before_the_first_request() {
    let takes_state = |State(_): State<Vec<u8>>| "";
    let app = Router::new().route("/a/{b}", routing::get(|| "").put(takes_state));
    let error = app.check().expect_err("there is no state");
    assert!(error.contains("PUT /a/{b} takes State<alloc::vec::Vec<u8>>"), "{error}");
    app.clone().state(vec![1_u8]).check().expect("there is state now");
    assert!(panic_of(|| get(&app, "/missing")).contains("State<"));

    // State of a nested router is not that of the outer one.
    let nested = Router::new().nest("/n", Router::new().state(vec![1_u8])).fallback(takes_state);
    assert!(nested.check().expect_err("out of reach").contains("the fallback takes State"));

    let two = |Path(_): Path<(u8, u8)>| "";
    let error = Router::new().route("/{a}", routing::any(two)).check().expect_err("one of two");
    assert_eq!(error, "the handler of any /{a} takes 2 parameters of the path, which has 1");
    let optional = |path: Option<Path<u8>>| format!("{:?}", path.map(|Path(a)| a));
    let app =
        Router::new().route("/", routing::get(optional)).route("/{a}", routing::get(optional));
    assert_eq!((get(&app, "/"), get(&app, "/7")), (ok("None"), ok("Some(7)")));
    let error = Router::new().route("/{a}/{b}", routing::get(optional)).check();
    assert!(error.expect_err("two for one").contains("takes 1 parameters"));
}
