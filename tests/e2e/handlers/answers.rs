//! What handlers take and give: parts of the path, and answers that cannot be sent.

use crate::support::serve;
use headwater::http::{HeaderName, HeaderValue, header};
use headwater::routing::get;
use headwater::{Engine, IntoResponse, Request, Router};

fn parts_of_the_path_reach_the_handler(engine: Engine) {
    let show = |request: Request| {
        let part = |name| request.param(name).unwrap_or("-");
        format!("{} {} {}", part("user"), part("rest"), part("other"))
    };
    let app = Router::new()
        .route("/users/{user}", get(show))
        .route("/users/{user}/files/{*rest}", get(show))
        .fallback(|request: Request| format!("no {}", request.path()));
    let server = serve(engine, app);
    for (path, expected) in [
        ("/users/7", "7 - -"),
        ("/users/a%20b?user=c", "a b - -"),
        ("/users/7/files/a/b.txt", "7 a/b.txt -"),
        ("/users/", "no /users/"),
    ] {
        assert_eq!(server.get(path).text(), expected);
    }
}

fn answer_that_cannot_be_sent_becomes_a_500(engine: Engine) {
    let with = |name: HeaderName, value| {
        move || (name.clone(), HeaderValue::from_static(value), "body").into_response()
    };
    let app = Router::new()
        .route("/length", get(with(header::CONTENT_LENGTH, "3")))
        .route("/coding", get(with(header::TRANSFER_ENCODING, "gzip")))
        .route("/connection", get(with(header::CONNECTION, "close")))
        .route("/tab", get(with(header::SERVER, "a\tb")))
        .route("/", get(|| "ok"));
    let server = serve(engine, app);
    let mut peer = server.connect();
    for path in ["/length", "/coding", "/connection"] {
        peer.ask(path);
        let answer = peer.answer();
        assert_eq!(answer.status, 500, "{path}");
        assert!(answer.text().contains("cannot be sent"), "{answer:?}");
    }
    peer.ask("/tab");
    assert_eq!(peer.answer().header("server"), Some("a\tb"));
    peer.ask("/");
    assert_eq!(peer.answer().text(), "ok");
}

on_every_engine! {
    parts_of_the_path_reach_the_handler,
    answer_that_cannot_be_sent_becomes_a_500,
}
