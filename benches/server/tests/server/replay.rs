//! Clients that come back to a server that keeps its events.

use crate::client::{Connection, Subscriber};
use crate::process::Server;

pub(crate) fn who_comes_back_gets_what_was_missed(engine: &str) {
    for store in ["ring:100", "memory"] {
        let server = Server::start(engine, &format!("--rate 0 --heartbeat 0 --replay {store}"));
        let mut client = Connection::open(server.addr);
        let mut there = Subscriber::open(server.addr);
        client.publish("first");
        let (begin, first) = there.next_event();
        assert_eq!(first, "first");
        drop(there);
        for n in 1..=5 {
            client.publish(&format!("missed {n}"));
        }
        let mut back = Subscriber::come_back(server.addr, &begin.to_string());
        for n in 1..=5 {
            assert_eq!(back.next_event(), (begin + n, format!("missed {n}")));
        }
        assert_eq!(client.metric("replay_stored_total"), 6);
        assert_eq!(client.metric("replay_events_total"), 5);
        for name in
            ["refused_total", "without_id_total", "lost_total", "read_failures_total", "waiting"]
        {
            assert_eq!(client.metric(&format!("replay_{name}")), 0, "{name}");
        }
        server.stop_after((client, back));
    }
}
