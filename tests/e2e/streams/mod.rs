//! Event streams: who gets which events, in what form, and how streams begin and end.

mod clients;
mod delivery;
mod endings;
mod endpoints;
mod forms;
mod heartbeat;
mod leaving;
mod pressure;
mod sharing;
mod slow;

use crate::support::Subscriber;
use headwater::sse::{Broker, Event};
use headwater::{Hub, Router, routing::get, sse};

/// A broker, and a route `/events` that feeds from it and sends nothing else.
fn feed() -> (Broker, Router) {
    let broker = Hub::new().broker("test").build();
    let router = feed_of(&broker);
    (broker, router)
}

fn feed_of(broker: &Broker) -> Router {
    Router::new().route("/events", get(sse::feed(broker).heartbeat(None)))
}

#[track_caller]
fn publish(broker: &Broker, data: impl Into<String>) {
    broker.publish(Event::data(data)).expect("there is room, and the broker is open");
}

/// The next event of each is this one.
#[track_caller]
fn all_hear(subscribers: &mut [Subscriber], data: &str) {
    for subscriber in subscribers {
        assert_eq!(subscriber.data(), data);
    }
}
