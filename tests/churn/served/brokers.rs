//! One broker of each slow policy, with so little room that a client that stops reading meets it.

use super::lives::Watch;
use crate::kinds::BROKERS;
use headwater::Hub;
use headwater::sse::{Broker, Client, PreparedEvent, SlowPolicy};
use std::sync::atomic::Ordering;

const SUBSCRIBER_BUFFER: usize = 8;

/// In the order of their names.
pub(super) fn brokers(hub: &Hub, watch: &Watch) -> Vec<Broker> {
    let broker = |name: &str| {
        let settings = hub.broker(name).subscriber_buffer(SUBSCRIBER_BUFFER);
        let settings = match name {
            "drop" => settings.slow_policy(SlowPolicy::Drop),
            "drop-oldest" => settings.slow_policy(SlowPolicy::DropOldest),
            "remove" => settings.slow_policy(SlowPolicy::Remove),
            "close" => settings.slow_policy(SlowPolicy::Close),
            "ask" => {
                let asked = watch.asked.clone();
                settings.on_slow_subscriber(move |_: &Client, _: &PreparedEvent| {
                    // Each in turn.
                    match asked.fetch_add(1, Ordering::Relaxed) % 4 {
                        0 => SlowPolicy::DropOldest,
                        1 => SlowPolicy::Remove,
                        2 => SlowPolicy::Close,
                        _ => SlowPolicy::Drop,
                    }
                })
            }
            other => panic!("no policy of this name: {other}"),
        };
        settings.build()
    };
    BROKERS.map(broker).into()
}
