//! An answer that comes word by word, as language models give theirs: POST a prompt, and get a stream. Whoever
//! leaves in the middle ends the work on the answer.
//!
//! `cargo run --example tokens [HOST:PORT]`, then `curl -N -d 'why is the sky blue' http://127.0.0.1:8080/chat`.

use futures_core::Stream;
use headwater::sse::{self, Client, Event};
use headwater::time::{self, Sleep};
use headwater::{Request, Router, Server, routing::post};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long this model thinks about a word.
const PER_WORD: Duration = Duration::from_millis(50);
const WORDS: [&str; 7] = ["because", "light", "of", "short", "waves", "scatters", "more"];

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let server = Server::builder().bind(addr).serve(Router::new().route("/chat", post(chat)))?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(2))
}

#[expect(clippy::needless_pass_by_value, reason = "handlers own their requests")]
fn chat(request: Request) -> sse::StreamResponse {
    let prompt = String::from_utf8_lossy(request.body()).into_owned();
    let answer = async |client: Client| {
        // Takes a word only when the client has room for it, and drops the model when it leaves.
        if let Err(error) = client.forward(Model::new(prompt)).await {
            println!("not answered: {error}");
            return;
        }
        // Whoever has left by now has the whole answer all the same.
        client.send(Event::data("[DONE]")).await.ok();
    };
    // An answer that has begun is worth waiting for when the server ends.
    sse::stream(&request, answer).heartbeat(Duration::from_secs(5)).finish_on_drain()
}

/// Stands for the connection to a model: a stream of its words. Dropping it cancels the work.
struct Model {
    prompt: String,
    words: usize,
    thinking: Sleep,
}

impl Model {
    fn new(prompt: String) -> Self {
        Self { prompt, words: 0, thinking: time::sleep(PER_WORD) }
    }

    /// The longer the question, the longer the answer.
    fn length(&self) -> usize {
        4 * self.prompt.split_whitespace().count()
    }
}

impl Stream for Model {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.words == self.length() {
            return Poll::Ready(None);
        }
        ready!(Pin::new(&mut self.thinking).poll(context));
        self.thinking = time::sleep(PER_WORD);
        let word = WORDS[self.words % WORDS.len()];
        self.words += 1;
        Poll::Ready(Some(Event::data(word).event("token")))
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if self.words < self.length() {
            println!("cancelled after {} of {} words", self.words, self.length());
        }
    }
}
