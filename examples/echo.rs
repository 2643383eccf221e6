//! Answers every method and path with the body it was sent, `OK` where there was none; `/ticks` is an
//! event stream. What protocol test suites want to talk to.
//!
//! `cargo run --example echo -- 127.0.0.1:8080 [epoll|std]`

use bytes::Bytes;
use headwater::sse::{self, Event};
use headwater::{Engine, Hub, IntoResponse, Response, Router, Server, routing::get};
use std::error::Error;
use std::thread;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let engine: Engine = arguments.next().map_or(Ok(Engine::Auto), |name| name.parse())?;
    let hub = Hub::new();
    let ticks = hub.broker("ticks").build();
    let app = Router::new().route("/ticks", get(sse::feed(&ticks))).fallback(echo);
    let server = Server::builder().hub(&hub).bind(addr).engine(engine).serve(app)?;
    println!("{server}");
    thread::spawn(move || {
        while ticks.publish(Event::data("tick")).is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    Ok(server.wait_for_signal(Duration::from_secs(2))?)
}

fn echo(body: Bytes) -> Response {
    if body.is_empty() { "OK".into_response() } else { body.into_response() }
}
