//! actix-web: an event is formatted once, and its `Bytes` go from a broadcast channel into a
//! streaming response per subscriber. The framework does the chunk frames and decides when to write.

use std::convert::Infallible;
use std::future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use clap::Parser;
use futures_util::StreamExt;
use headwater_peers::{BACKLOG, Flags, PLAINTEXT, announce, event, listen};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

struct Feed {
    events: broadcast::Sender<Bytes>,
    last_id: AtomicU64,
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let (events, _) = broadcast::channel(flags.channel);
    let feed = Data::new(Feed { events, last_id: AtomicU64::new(0) });
    let app = move || {
        App::new()
            .app_data(feed.clone())
            .route("/events", web::get().to(subscribe))
            .route("/publish", web::post().to(publish))
            .route("/plaintext", web::get().to(async || PLAINTEXT))
    };
    let listener = listen(flags.addr)?;
    let addr = listener.local_addr()?;
    let server = HttpServer::new(app)
        .workers(1)
        .backlog(BACKLOG.into())
        .tcp_nodelay(true)
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
    announce(addr)?;
    server.await
}

async fn subscribe(feed: Data<Feed>) -> HttpResponse {
    let events = BroadcastStream::new(feed.events.subscribe())
        // A subscriber that is too far behind loses events and goes on; the load counts them.
        .filter_map(|event| future::ready(event.ok()))
        .map(Ok::<_, Infallible>);
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(CacheControl(vec![CacheDirective::NoCache]))
        .streaming(events)
}

async fn publish(feed: Data<Feed>, data: String) -> String {
    let id = feed.last_id.fetch_add(1, Ordering::Relaxed) + 1;
    // Without a subscriber there is nobody to send to, which is fine.
    let subscribers = feed.events.send(Bytes::from(event(id, &data))).unwrap_or(0);
    format!("{subscribers} subscribers, id {id}\n")
}
