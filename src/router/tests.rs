//! Routers from outside, without sockets: who answers what, and what stands in between.
#![expect(clippy::needless_pass_by_value, reason = "handlers are given their arguments")]

mod methods;
mod middleware;
mod parts;
mod paths;

use crate::{Request, Response, Router};
use http::Method;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The answer to a request without a body.
#[track_caller]
fn ask(app: &Router, method: &str, path: &str) -> Response {
    app.call_blocking(Request::builder().method(method).uri(path).body("").expect("valid parts"))
}

#[track_caller]
fn get(app: &Router, path: &str) -> (u16, String) {
    let answer = ask(app, Method::GET.as_str(), path);
    (answer.status().as_u16(), answer.text().expect("text").to_owned())
}

fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

/// The message of a panic.
#[track_caller]
fn panic_of<T>(call: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).err().expect("it panics");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().expect("a message").to_string(),
    }
}
