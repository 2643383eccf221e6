//! Streamed bodies: how they are framed, how fast they are taken, and how they end.

mod endings;
mod framing;
mod pressure;

use crate::support::{Running, Source, builder};
use headwater::http::StatusCode;
use headwater::routing::get;
use headwater::{Body, Engine, Response, Router, Timeouts};

/// `/stream` answers with the source, `/sized/{length}` says a length before it.
fn app(source: &Source) -> Router {
    let (stream, sized) = (source.clone(), source.clone());
    let stream = move || Response::new(StatusCode::OK).body(Body::stream(stream.stream()));
    let sized = move |request: headwater::Request| {
        let length = request.param("length").and_then(|length| length.parse().ok());
        let length = length.expect("tests give a length");
        Response::new(StatusCode::OK).body(Body::sized_stream(length, sized.stream()))
    };
    Router::new()
        .route("/", get(|| "ok"))
        .route("/stream", get(stream))
        .route("/sized/{length}", get(sized))
}

/// One worker, so that a test can tell what it does by asking it for something else.
#[track_caller]
fn serve(engine: Engine, source: &Source, timeouts: Timeouts) -> Running {
    let server = builder(engine).workers(1).timeouts(timeouts).serve(app(source));
    Running::from(server.expect("a free port of the loopback"))
}
