//! A feed per user: 10,000 brokers on one hub, and no task for any of those who listen.
//!
//! `cargo run --example feeds [HOST:PORT]`, then in two terminals
//! `curl -N http://127.0.0.1:8080/users/7/feed` and `curl -d hello http://127.0.0.1:8080/users/7/notify`.

use headwater::extract::{Path, State};
use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::sse::{self, Broker, Event};
use headwater::{Hub, IntoResponse, Request, Response, Router, Server};
use std::sync::Arc;
use std::time::Duration;

const USERS: usize = 10_000;

/// The feed of each user, by number.
#[derive(Clone)]
struct Feeds(Arc<[Broker]>);

impl Feeds {
    fn of(&self, user: usize) -> Option<&Broker> {
        self.0.get(user)
    }
}

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let hub = Hub::new();
    let feeds = Feeds((0..USERS).map(|user| hub.broker(format!("user {user}")).build()).collect());
    let app = Router::new()
        .route("/users/{user}/feed", get(sse::feed_of(choose)))
        .route("/users/{user}/notify", post(notify))
        .state(feeds);
    let server = Server::builder().hub(&hub).bind(addr).serve(app)?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(2))
}

/// Whose feed a request is for. Who may read it would be checked here, too.
fn choose(request: &Request) -> Result<Vec<Broker>, StatusCode> {
    let user = request.param("user").and_then(|user| user.parse().ok());
    let feeds: Option<&Feeds> = request.state();
    let feed = user.zip(feeds).and_then(|(user, feeds)| feeds.of(user));
    feed.map(|feed| vec![feed.clone()]).ok_or(StatusCode::NOT_FOUND)
}

fn notify(Path(user): Path<usize>, State(feeds): State<Feeds>, text: String) -> Response {
    let Some(feed) = feeds.of(user) else { return StatusCode::NOT_FOUND.into_response() };
    match feed.publish(Event::data(text)) {
        Ok(_) => format!("{} listen\n", feed.subscriber_count()).into_response(),
        Err(refused) => refused.into_response(),
    }
}
