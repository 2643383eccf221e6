//! A page that stays live: it reconnects by itself, is told how soon, and gets what it missed, from a short
//! history that this program keeps. Streams last 20 seconds at most, so that all of this can be watched.
//!
//! `cargo run --example page [HOST:PORT]`, then open the address it prints.

use headwater::sse::{self, Broker, Client, Event, EventId};
use headwater::{Html, Hub, Router, Server, routing::get};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Events that are kept for those who were away.
const KEPT: usize = 60;

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>live</title>
<p id="state">connecting</p><ul id="log"></ul>
<script>
const events = new EventSource("/events");
const show = (text) => { document.getElementById("state").textContent = text; };
events.onopen = () => show("connected");
// The browser connects again by itself, and sends the id of the last event it has.
events.onerror = () => show(events.readyState === EventSource.CLOSED ? "closed" : "reconnecting");
events.onmessage = (event) => {
    const line = document.createElement("li");
    line.textContent = event.lastEventId + ": " + event.data;
    document.getElementById("log").prepend(line);
};
</script>"#;

/// What was published last, the newest at the end.
#[derive(Clone, Default)]
struct History(Arc<Mutex<VecDeque<(u64, Event)>>>);

impl History {
    /// Publishes under the lock, so that nobody subscribes between an event's id and its place here.
    fn publish(&self, broker: &Broker, number: u64) {
        let event = Event::data(format!("{} words", number * 7 % 100)).id(number.to_string());
        let mut kept = self.0.lock().expect("nothing panics under the lock");
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((number, event.clone()));
        // Past the ring's limit the page sees a gap; it is a page, and the next event is soon there.
        broker.publish(event).ok();
    }

    /// Sends what came after the client's last event, then lets it listen.
    async fn resume(&self, client: &Client, broker: &Broker) -> sse::Subscription {
        let last = client.last_event_id().map(EventId::to_string).and_then(|id| id.parse().ok());
        let (missed, subscription) = {
            let kept = self.0.lock().expect("nothing panics under the lock");
            let after = |(number, _): &&(u64, Event)| last.is_some_and(|last: u64| *number > last);
            let missed: Vec<Event> =
                kept.iter().filter(after).map(|(_, event)| event.clone()).collect();
            // This core reads what is published from here on once this handler waits, so that it comes
            // behind what is sent below.
            (missed, broker.subscribe(client))
        };
        for event in missed {
            // Whoever has left misses nothing.
            client.send(event).await.ok();
        }
        subscription
    }
}

fn main() -> Result<(), headwater::Error> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let hub = Hub::new();
    // Events bring their own ids.
    let broker = hub.broker("words").ids(false).build();
    let history = History::default();
    let (source, kept) = (broker.clone(), history.clone());
    let follow = async move |client: Client| {
        let _subscribed = kept.resume(&client, &source).await;
        client.closed().await;
    };
    let events =
        sse::endpoint(follow).retry(Duration::from_secs(1)).max_lifetime(Duration::from_secs(20));
    let app = Router::new().route("/", get(|| Html(PAGE))).route("/events", get(events));
    let server = Server::builder().hub(&hub).bind(addr).serve(app)?;
    println!("{server}");
    thread::spawn(move || {
        for number in 1.. {
            history.publish(&broker, number);
            thread::sleep(Duration::from_secs(1));
        }
    });
    server.wait_for_signal(Duration::from_secs(2))
}
