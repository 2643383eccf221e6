//! What other servers got wrong about streams and brokers, one test for each, named after it. How much of it
//! is also shown elsewhere, in more detail, does not matter here.

mod endings;
mod leaving;
mod requests;
mod slow;

use crate::support::Running;
use crate::support::Subscriber;
use headwater::sse::{self, Broker, Event};
use headwater::{Router, routing::get};
use std::time::Duration;

/// More than any buffer of a narrow connection takes at once.
const LARGE: usize = 16 * 1024;

/// `/quiet` without a heartbeat, `/beating` with one.
fn app(broker: &Broker) -> Router {
    let beating = sse::feed(broker).heartbeat(Duration::from_millis(50));
    Router::new()
        .route("/quiet", get(sse::feed(broker).heartbeat(None)))
        .route("/beating", get(beating))
}

#[track_caller]
fn publish(broker: &Broker, data: impl Into<String>) {
    broker.publish(Event::data(data)).expect("there is room, and the broker is open");
}

fn large(number: usize) -> String {
    format!("{number:.<LARGE$}")
}

/// A subscriber that takes few bytes while it does not read.
#[track_caller]
fn stuck(server: &Running, path: &str) -> Subscriber {
    Subscriber::open(server.connect_narrow(), path)
}
