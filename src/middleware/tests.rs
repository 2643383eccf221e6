//! The ready-made middleware from outside, without sockets.

#[cfg(feature = "tracing")]
mod access_log;
mod catch_panic;
mod cors;
mod request_id;
mod skipping;

use crate::{Request, Response, Router};

/// The answer to a request without a body, with these headers.
#[track_caller]
fn ask(app: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for &(name, value) in headers {
        request = request.header(name, value);
    }
    app.call_blocking(request.body("").expect("valid parts"))
}

/// All values of a header, as one would read them joined.
fn header(response: &Response, name: &str) -> Option<String> {
    let values: Vec<&str> =
        response.headers().get_all(name).map(|value| value.to_str().expect("text")).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
