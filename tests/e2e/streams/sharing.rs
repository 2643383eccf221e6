//! Streams that several sources feed faster than their clients read.

use super::publish;
use crate::support::{Subscriber, block_on, eventually, serve_on_one};
use headwater::sse::{self, Client, Event, SlowPolicy};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::mpsc;
use std::thread;

fn what_a_client_is_sent_reaches_one_that_is_slower_than_its_broker(engine: Engine) {
    for policy in [SlowPolicy::DropOldest, SlowPolicy::Drop] {
        let broker = Hub::new().broker("news").slow_policy(policy).build();
        let (sender, clients) = mpsc::channel();
        let source = broker.clone();
        let handler = async move |client: Client| {
            let _subscribed = source.subscribe(&client);
            sender.send(client.clone()).expect("the test goes on");
            client.closed().await;
        };
        let endpoint = sse::endpoint(handler).heartbeat(None);
        let server = serve_on_one(engine, Router::new().route("/", get(endpoint)));
        let mut slow = Subscriber::open(server.connect_narrow(), "/");
        let client = clients.recv().expect("the handler runs");
        let news = || publish(&broker, "x".repeat(4096));
        eventually("its socket is full", || {
            news();
            broker.dropped_events() > 0
        });
        let sending = client.clone();
        let sends = thread::spawn(move || {
            block_on(async {
                for number in 0..5 {
                    let event = Event::data(number.to_string()).event("own");
                    sending.send(event).await.expect("the client is there");
                }
                sending.flush().await.expect("the client is there");
            });
        });
        // It reads one for each two that are published.
        let (mut own, mut others) = (Vec::new(), 0);
        while own.len() < 5 && others < 20_000 {
            (0..2).for_each(|_| news());
            let heard = slow.event();
            match heard.name {
                Some(_) => own.extend(heard.data),
                None => others += 1,
            }
        }
        assert_eq!(own, ["0", "1", "2", "3", "4"], "{policy:?}, {others} of the broker's");
        sends.join().expect("all have left");
    }
}

on_every_engine! {
    what_a_client_is_sent_reaches_one_that_is_slower_than_its_broker,
}
