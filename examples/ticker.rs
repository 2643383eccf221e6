//! A ticker: each client has a handler of its own, which sends it an event a second.
//!
//! `cargo run --example ticker [HOST:PORT]`, then `curl -N http://127.0.0.1:8080/ticks`.

use headwater::sse::{self, Client, Event};
use headwater::{Router, Server, routing::get, time};
use std::time::Duration;

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let ticks = sse::endpoint(tick).retry(Duration::from_secs(2));
    let server = Server::builder().bind(addr).serve(Router::new().route("/ticks", get(ticks)))?;
    println!("{server}");
    server.wait_for_signal(Duration::from_secs(2))
}

/// Counts for one client, from where it was cut off.
async fn tick(client: Client) {
    let last = client.last_event_id().and_then(|id| id.to_string().parse::<u64>().ok());
    for number in last.map_or(1, |last| last.saturating_add(1)).. {
        let tick = Event::data(format!("tick {number}")).event("tick").id(number.to_string());
        // The client has left, or the server ends.
        if client.send(tick).await.is_err() {
            return;
        }
        time::sleep(Duration::from_secs(1)).await;
    }
}
