//! What protocol test suites want to talk to. Any method on any path is answered 200 with the body that came,
//! `OK` where there was none; beside that:
//!
//! - `/echo` lists the request's headers, one per line, `/cookie` its cookies.
//! - `/ticks` is an event stream, ten events a second.
//! - `/sse` is a stream of the events of FILE, in order and all of them.
//!
//! `cargo run --example conformance -- --engine auto --addr 127.0.0.1:8080 --events FILE`
//!
//! FILE is a JSON array of objects, each with an event under `send`: `data`, `event`, `id`, `comment` (text, or
//! `{"$repeat": [TEXT, TIMES]}`) and `retry` (milliseconds), all optional.

use bytes::Bytes;
use headwater::routing::{any, get};
use headwater::sse::{self, Client, Event, FieldError};
use headwater::{Engine, Hub, IntoResponse, Request, Response, Router, Server};
use serde_json::Value;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const USAGE: &str =
    "usage: conformance [--engine auto|io_uring|epoll|std] [--addr HOST:PORT] [--events FILE]";
const TICK: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let outcome = Flags::parse(std::env::args().skip(1)).and_then(serve);
    if let Err(error) = outcome {
        eprintln!("conformance: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

struct Flags {
    engine: Engine,
    addr: String,
    events: Option<String>,
}

impl Flags {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut flags =
            Self { engine: Engine::Auto, addr: "127.0.0.1:8080".to_owned(), events: None };
        while let Some(flag) = given.next() {
            let mut value = || given.next().ok_or(format!("{flag} needs a value; {USAGE}"));
            match flag.as_str() {
                "--engine" => flags.engine = value()?.parse()?,
                "--addr" => flags.addr = value()?,
                "--events" => flags.events = Some(value()?),
                _ => return Err(format!("unknown flag {flag}; {USAGE}").into()),
            }
        }
        Ok(flags)
    }
}

fn serve(flags: Flags) -> Result<(), Box<dyn Error>> {
    let hub = Hub::new();
    let ticks = hub.broker("ticks").build();
    let mut app = Router::new()
        .route("/echo", any(headers))
        .route("/cookie", any(cookies))
        .route("/ticks", get(sse::feed(&ticks)).any(echo))
        .fallback(echo);
    if let Some(file) = &flags.events {
        let events = read(file).map_err(|error| format!("{file}: {error}"))?;
        app = app.route("/sse", get(play(events)).any(echo));
    }
    let server = Server::builder().hub(&hub).bind(flags.addr).engine(flags.engine).serve(app)?;
    println!("{server}");
    thread::spawn(move || {
        while ticks.publish(Event::data("tick")).is_ok() {
            thread::sleep(TICK);
        }
    });
    Ok(server.wait_for_signal(Duration::from_secs(2))?)
}

fn echo(body: Bytes) -> Response {
    if body.is_empty() { "OK".into_response() } else { body.into_response() }
}

/// As they came, which need not be text.
#[expect(clippy::needless_pass_by_value, reason = "handlers own their requests")]
fn headers(request: Request) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in request.headers() {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value);
        lines.push(b'\n');
    }
    lines
}

/// The pairs of RFC 6265 §4.2.1.
#[expect(clippy::needless_pass_by_value, reason = "handlers own their requests")]
fn cookies(request: Request) -> Vec<u8> {
    let fields = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let pairs = fields.flat_map(|(_, value)| value.split(|&byte| byte == b';'));
    let mut lines = Vec::new();
    for pair in pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()) {
        lines.extend_from_slice(pair);
        lines.push(b'\n');
    }
    lines
}

/// Sends all events to each client, none before there is room for it.
fn play(events: Vec<Event>) -> sse::StreamEndpoint {
    let events: Arc<[Event]> = events.into();
    sse::endpoint(async move |client: Client| {
        for event in &*events {
            // The client has left.
            if client.send(event.clone()).await.is_err() {
                return;
            }
        }
    })
}

fn read(file: &str) -> Result<Vec<Event>, Box<dyn Error>> {
    let list: Vec<Value> = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut events = Vec::new();
    for (number, entry) in list.iter().enumerate() {
        match event(&entry["send"]) {
            Ok(event) => events.push(event),
            Err(Unusable::Refused(refusal)) => eprintln!("entry {number} is not sent: {refusal}"),
            Err(Unusable::Malformed(what)) => return Err(format!("entry {number}: {what}").into()),
        }
    }
    Ok(events)
}

enum Unusable {
    /// What no event can hold.
    Refused(FieldError),
    /// Not what the file should hold.
    Malformed(String),
}

fn event(fields: &Value) -> Result<Event, Unusable> {
    let malformed = |what: &str| Unusable::Malformed(what.to_owned());
    let fields = fields.as_object().ok_or_else(|| malformed("no object under `send`"))?;
    let mut event = Event::new();
    for (key, value) in fields {
        let text = || text(value).ok_or_else(|| malformed(&format!("{key} is not text")));
        let set = match key.as_str() {
            "data" => Ok(event.with_data(text()?)),
            "event" => event.try_event(text()?),
            "id" => event.try_id(text()?).or_else(without_id),
            "comment" => event.try_comment(text()?),
            "retry" => {
                let millis = value.as_u64().ok_or_else(|| malformed("retry is no number"))?;
                Ok(event.retry(Duration::from_millis(millis)))
            }
            _ => return Err(malformed(&format!("unknown key {key}"))),
        };
        event = set.map_err(Unusable::Refused)?;
    }
    if event.is_empty() {
        return Err(malformed("an event without any bytes"));
    }
    Ok(event)
}

/// Clients ignore an id with a NUL in it (WHATWG HTML §9.2.6): then it can be left out as well.
fn without_id(refusal: FieldError) -> Result<Event, FieldError> {
    if refusal.value().contains(['\r', '\n']) { Err(refusal) } else { Ok(refusal.into_event()) }
}

fn text(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let [text, times] = value.get("$repeat")?.as_array()?.as_slice() else { return None };
    Some(text.as_str()?.repeat(usize::try_from(times.as_u64()?).ok()?))
}
