//! Paths: which route one belongs to, and what its parameters hold.

use super::{get, ok, panic_of};
use crate::Router;
use crate::request::Request;
use crate::routing;
use percent_encoding::percent_encode_byte;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn shown(request: Request) -> String {
    let params: Vec<String> =
        request.params().map(|(name, value)| format!("{name}={value}")).collect();
    params.join(" ")
}

fn app() -> Router {
    Router::new()
        .route("/", routing::get(|| "root"))
        .route("/users/{id}", routing::get(shown))
        .route("/users/me", routing::get(|| "me"))
        .route("/users/{id}/files/{*rest}", routing::get(shown))
        .route("/café", routing::get(|| "coffee"))
        .route("/{{literal}}", routing::get(|| "braces"))
        .route("/slash/", routing::get(|| "with"))
        .route("/slash", routing::get(|| "without"))
}

#[test]
fn more_literal_path_counts_and_slashes_at_the_end_do() {
    let app = app();
    for (path, text) in [
        ("/", "root"),
        ("/users/7", "id=7"),
        ("/users/me", "me"),
        ("/users/7/files/a/b.txt", "id=7 rest=a/b.txt"),
        ("/slash/", "with"),
        ("/slash", "without"),
        ("/slash?query", "without"),
    ] {
        assert_eq!(get(&app, path), ok(text), "{path}");
    }
    for path in ["/users/", "/users", "/users/7/", "//users/7", "/users/7/files/", "/Slash"] {
        assert_eq!(get(&app, path).0, 404, "{path}");
    }
}

#[test]
fn encoded_paths_are_equal_to_what_they_encode() {
    let app = app();
    for (path, text) in [
        ("/caf%C3%A9", "coffee"),
        ("/%63af%c3%a9", "coffee"),
        ("/users/%6De", "me"),
        ("/users/a%20b", "id=a b"),
        ("/users/a%2Fb", "id=a/b"),
        ("/users/%252F", "id=%2F"),
        ("/users/a+b", "id=a+b"),
        ("/users/7/files/a%2Fb/c%20d", "id=7 rest=a/b/c d"),
        ("/%7Bliteral%7D", "braces"),
        ("/users/%7Bid%7D", "id={id}"),
    ] {
        assert_eq!(get(&app, path), ok(text), "{path}");
    }
    assert_eq!(get(&app, "/users%2Fme").0, 404);
}

#[test]
fn malformed_paths_are_answered_400() {
    for path in ["/users/%", "/users/%2", "/users/%zz", "/users/%ff", "/caf%C3", "/nowhere/%zz"] {
        let (status, text) = get(&app(), path);
        assert_eq!(status, 400, "{path}");
        assert!(text.starts_with("the path "), "{text}");
    }
    let with_fallback = app().fallback(|| "fallback");
    assert_eq!(get(&with_fallback, "/users/%zz").0, 400);
    assert_eq!(get(&with_fallback, "/nowhere/%zz"), ok("fallback"));
}

#[test]
fn paths_that_cannot_be_are_refused_with_their_name() {
    let route = |path: &'static str| panic_of(move || app().route(path, routing::get(|| "")));
    assert!(route("no-slash").contains("\"no-slash\": a path begins with a slash"));
    assert!(route("/users/{other}").contains("/users/{other}"));
    assert!(route("/{open").contains("/{open"));
    assert!(route("/slash").contains("/slash"));
    assert!(route("/50%").contains("percent sign"));
    assert!(route("/q?z").contains("no query"));
    let nest = |prefix: &'static str| panic_of(move || app().nest(prefix, Router::new()));
    assert!(nest("/a#b").contains("no query"));
    assert!(nest("/%zz").contains("percent sign"));
}

#[test]
fn routes_may_be_written_encoded() {
    let inner = Router::new().route("/{name}/a%3fb", routing::get(shown));
    let app = Router::new()
        .route("/a%20b", routing::get(|| "space"))
        .route("/up%2f", routing::get(|| "slash"))
        .route("/50%25", routing::get(|| "percent"))
        .route("/%7bno%7d", routing::get(|| "braces"))
        .nest("/n%20s", inner)
        .merge(Router::new().route("/caf%c3%a9", routing::get(|| "coffee")));
    for (path, text) in [
        ("/a%20b", "space"),
        ("/%61%20b", "space"),
        ("/up%2F", "slash"),
        ("/up%2f", "slash"),
        ("/50%25", "percent"),
        ("/%7Bno%7D", "braces"),
        ("/n%20s/x/a%3Fb", "name=x"),
        ("/caf%C3%A9", "coffee"),
    ] {
        assert_eq!(get(&app, path), ok(text), "{path}");
    }
}

proptest! {
    /// Whatever text a client encodes into a segment, the handler gets it.
    #[test]
    fn parameters_hold_what_was_encoded(id in "\\PC{1,12}", rest in "[a-z/%\u{e9} ]{1,12}") {
        let encode = |text: &str, keep: &str| -> String {
            let one = |c: char| match c {
                _ if keep.contains(c) || c.is_ascii_alphanumeric() => c.to_string(),
                _ => c.to_string().bytes().map(percent_encode_byte).collect(),
            };
            text.chars().map(one).collect()
        };
        let path = format!("/users/{}/files/{}", encode(&id, ""), encode(&rest, "/"));
        prop_assert_eq!(get(&app(), &path), ok(&format!("id={id} rest={rest}")));
    }

    /// A written-out path is found beside the tree; where both know it, they agree.
    #[test]
    fn table_of_fixed_paths_never_contradicts_the_tree(
        patterns in btree_set("(/(a|b|ab|\\{p\\}|\\{\\{a|a\\{p\\})){1,3}/?", 1..12),
        paths in vec("(/(a|b|ab|c|\\{a)){1,3}/?", 1..40),
    ) {
        let build = |app: Router, pattern: &String| {
            // Two that no path could tell apart are refused.
            let with = || app.clone().route(pattern, routing::get(|| "found"));
            catch_unwind(AssertUnwindSafe(with)).unwrap_or(app)
        };
        let app = patterns.iter().fold(Router::new(), build);
        let fixed = app.routes.iter().filter(|route| route.names.is_none());
        let fixed: Vec<String> = fixed.map(|route| route.pattern.replace("{{", "{")).collect();
        for path in fixed.iter().chain(&paths) {
            let found = app.fixed.find(path.as_bytes());
            prop_assert_eq!(found.is_some(), fixed.contains(path), "{}", path);
            if found.is_some() {
                prop_assert_eq!(found, app.paths.at(path).ok().map(|found| *found.value), "{}", path);
            }
        }
    }
}
