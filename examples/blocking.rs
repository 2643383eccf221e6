//! Work that blocks, beside work that does not: `/hash/{rounds}` keeps a thread busy, `/` answers at once
//! all the same, and `/later` is answered by a thread of our own.
//!
//! `cargo run --example blocking -- 127.0.0.1:8080`

use headwater::http::StatusCode;
use headwater::{Request, Responder, Router, Server, blocking, respond_later, routing::get};
use std::hash::{DefaultHasher, Hasher};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let (questions, inbox) = mpsc::channel::<Responder>();
    thread::spawn(move || {
        for (number, responder) in (1..).zip(inbox) {
            thread::sleep(Duration::from_secs(1));
            if responder.is_closed() {
                println!("number {number} did not wait for its answer");
            } else if let Err(error) = responder.respond(format!("you were number {number}\n")) {
                println!("number {number}: {error}");
            }
        }
    });
    let later = respond_later(move |responder: Responder| {
        // Should the thread be gone, the responder is dropped, and the client gets a 500.
        questions.send(responder).ok();
    });
    let app = Router::new()
        .route("/", get(|| "at once\n"))
        .route("/hash/{rounds}", get(blocking(hash)))
        .route("/later", get(later));
    let server = Server::builder()
        .bind(addr)
        // Four requests compute at a time, eight wait, and the next is told to come back later.
        .blocking_threads(4)
        .blocking_queue(8)
        .serve(app)?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(10))
}

/// As much work as the path asks for.
#[expect(clippy::needless_pass_by_value, reason = "handlers own their requests")]
fn hash(request: Request) -> Result<String, StatusCode> {
    let rounds = request.param("rounds").and_then(|rounds| rounds.parse::<u32>().ok());
    let mut hasher = DefaultHasher::new();
    for round in 0..rounds.ok_or(StatusCode::BAD_REQUEST)? {
        hasher.write_u32(round);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}
