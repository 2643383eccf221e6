//! axum: `Sse` over a tokio broadcast channel, on a current-thread runtime. An event is formatted
//! once; each subscriber gets a clone of it, which is how axum shares one.

use std::convert::Infallible;
use std::future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use clap::Parser;
use futures_util::{Stream, StreamExt};
use headwater_peers::{Flags, PLAINTEXT, announce, listen};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

struct Feed {
    events: broadcast::Sender<Event>,
    last_id: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let (events, _) = broadcast::channel(flags.channel);
    let app = Router::new()
        .route("/events", get(subscribe))
        .route("/publish", post(publish))
        .route("/plaintext", get(async || PLAINTEXT))
        .with_state(Arc::new(Feed { events, last_id: AtomicU64::new(0) }));
    let listener = TcpListener::from_std(listen(flags.addr)?)?;
    announce(listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        // A connection that is gone by now is found out by reading it.
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, app).await
}

async fn subscribe(
    State(feed): State<Arc<Feed>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = BroadcastStream::new(feed.events.subscribe())
        // A subscriber that is too far behind loses events and goes on; the load counts them.
        .filter_map(|event| future::ready(event.ok()))
        .map(Ok);
    Sse::new(events)
}

async fn publish(State(feed): State<Arc<Feed>>, data: String) -> String {
    let id = feed.last_id.fetch_add(1, Ordering::Relaxed) + 1;
    let event = Event::default().id(id.to_string()).data(data);
    // Without a subscriber there is nobody to send to, which is fine.
    let subscribers = feed.events.send(event).unwrap_or(0);
    format!("{subscribers} subscribers, id {id}\n")
}
