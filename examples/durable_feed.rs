//! A feed that outlives its process: events are kept in Redis, so that clients come back to another process
//! on the same store, with the ids that the first one gave, and miss nothing.
//!
//! `cargo run --example durable_feed --features redis [HOST:PORT [REDIS_URL]]`, then
//! `curl -N http://HOST:PORT/events` and `curl -d hello http://HOST:PORT/publish`. Kill it with `kill -9`, start it
//! again, here or at another port, and resume with `curl -N -H "last-event-id: 1" http://HOST:PORT/events`.

use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::sse::replay::{KvReplayConfig, KvReplayStore, RedisKv};
use headwater::sse::{self, Event};
use headwater::{Hub, Router, Server};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let redis = arguments.next().unwrap_or("redis://127.0.0.1:6379/".to_owned());
    let day = Duration::from_hours(24);
    let config = KvReplayConfig::new().prefix("durable-feed/").ttl(day);
    let store = KvReplayStore::new(RedisKv::new(&redis)?, config)?;

    let hub = Hub::new();
    let news = hub.broker("news").replay(Arc::new(store)).build();
    let publisher = news.clone();
    let app = Router::new()
        // An id from before yesterday is told, and begins anew.
        .route("/events", get(sse::feed(&news).unknown_id_notice("gone")))
        .route(
            "/publish",
            post(async move |text: String| {
                // Once this is answered, the event is in the store.
                match publisher.publish_async(Event::data(text)).await {
                    Ok(stored) => (StatusCode::OK, format!("{}\n", stored.id)),
                    Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
                }
            }),
        );
    let server = Server::builder().hub(&hub).bind(addr).serve(app)?;
    println!("{server}");
    Ok(server.wait_for_signal(Duration::from_secs(2))?)
}
