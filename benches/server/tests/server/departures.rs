//! Clients that leave a silent stream. Nothing is sent to them that would tell the server.

use crate::client::{Connection, Subscriber, reset};
use crate::process::{Server, eventually};
use std::time::Instant;

pub(crate) fn streams_that_leave_by_fin_or_rst_are_gone_at_once(engine: &str) {
    let server = Server::start(engine, "--rate 0 --heartbeat 0");
    let mut client = Connection::open(server.addr);
    // Before the first event and after it.
    for with_event in [false, true] {
        let mut subscribers = Subscriber::open_many(server.addr, 50);
        assert_eq!(client.count(), 50);
        if with_event {
            client.publish("an event");
            for subscriber in &mut subscribers {
                subscriber.next_event();
            }
        }
        let left = Instant::now();
        for (number, subscriber) in subscribers.into_iter().enumerate() {
            match number % 2 {
                0 => drop(subscriber.into_stream()),
                _ => reset(subscriber.into_stream()),
            }
        }
        eventually("no subscribers", || client.count() == 0);
        println!("{engine}: 50 departures noticed after {:?}", left.elapsed());
        eventually("no streams", || client.metric("streams") == 0);
        eventually("only this connection", || client.metric("connections") == 1);
    }
    server.stop_after(client);
}
