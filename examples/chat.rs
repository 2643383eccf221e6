//! A chat room in one page: every message that somebody posts reaches everybody who listens, with the
//! number of people in the room. Whoever lost the connection is given what was said meanwhile, of the last
//! thousand messages.
//!
//! `cargo run --example chat [HOST:PORT]`, then open the address it prints in two windows.

use headwater::http::{HeaderValue, header};
use headwater::routing::{get, post};
use headwater::sse::{self, Event, replay::RingBuffer};
use headwater::{Hub, IntoResponse, Router, Server};
use std::sync::Arc;
use std::time::Duration;

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>chat</title>
<form id="say"><input id="text" autofocus placeholder="say something"></form><ul id="log"></ul>
<script>
new EventSource("/listen").onmessage = (event) => {
    const line = document.createElement("li");
    line.textContent = event.data;
    document.getElementById("log").prepend(line);
};
document.getElementById("say").onsubmit = (event) => {
    event.preventDefault();
    const input = document.getElementById("text");
    fetch("/say", { method: "POST", body: input.value });
    input.value = "";
};
</script>"#;

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let hub = Hub::new();
    let room = hub.broker("room").replay(Arc::new(RingBuffer::new(1000))).build();
    let speaker = room.clone();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let app = Router::new()
        .route("/", get(move || (header::CONTENT_TYPE, html.clone(), PAGE).into_response()))
        .route("/listen", get(sse::feed(&room)))
        .route(
            "/say",
            post(move |text: String| {
                let line = format!("({} here) {text}", speaker.subscriber_count());
                speaker.publish(Event::data(line)).map(|published| published.id.to_string())
            }),
        );
    let server = Server::builder().hub(&hub).bind(addr).serve(app)?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(2))
}
