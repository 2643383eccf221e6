//! What subscribers do, and what publishing shows them. All but the stalled ones hear each event before
//! the next is published. How much a stalled one gets depends on the buffers on the way; that it gets
//! or is counted to have lost every event, whole and in order, and then goes on, does not.

use super::requests::receive_all;
use super::{Role, Stage, feed_path};
use crate::script::asks::Ask;
use crate::support::{Ending, Heard, Subscriber, eventually};
use headwater::sse::{Broker, Event};
use std::sync::atomic::{AtomicU64, Ordering};

/// Published for a subscriber that does not read: far more than the buffers on the way hold.
const STALL_EVENTS: usize = 30;
const STALL_EVENT_BYTES: usize = 30_000;
/// Published after that: more than the broker keeps for a slow subscriber.
const LOST_EVENTS: usize = 20;
/// Of the event that a subscriber gets when it has caught up.
const NEXT_BYTES: usize = 1000;

/// A subscriber that has not read since it came.
pub(super) struct Stalled {
    pub(super) subscriber: Subscriber,
    broker: usize,
    /// What that broker had dropped before. From then on it drops for nobody else.
    dropped: u64,
    /// Ids of the events published since, and how many bytes each has.
    events: Vec<(u64, usize)>,
}

impl Stage {
    pub(super) fn subscribe(
        &mut self,
        client: usize,
        broker: usize,
        behind: Option<Ask>,
    ) -> String {
        let mut peer = self.asking(client);
        peer.send(with_feed(broker, behind));
        let seen = receive_all(&mut peer, behind.as_slice());
        let subscriber = Subscriber::ask(peer, "");
        let head = subscriber.head.head_without_date();
        self.clients[client] = Role::Subscribed(subscriber, broker);
        seen + &head
    }

    pub(super) fn subscribe_and_finish(
        &mut self,
        client: usize,
        broker: usize,
        behind: Option<Ask>,
    ) -> String {
        let mut peer = self.asking(client);
        peer.send_with_end(with_feed(broker, behind));
        let seen = receive_all(&mut peer, behind.as_slice());
        let (rest, end) = peer.rest();
        // The stream may have begun before the end was seen.
        let head = String::from_utf8(rest).expect("a head is ASCII");
        let is_head = head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n");
        assert!(head.is_empty() || is_head, "a whole head or nothing: {head:?}");
        format!("{seen}{end:?}, {}", self.left())
    }

    pub(super) fn publish(&mut self, broker: usize, bytes: usize) -> String {
        let next = self.tally.events + 1;
        let published = self.brokers[broker].publish(Event::data(data(next, bytes)));
        let id = published.expect("there is room").id;
        assert_eq!(id.to_string(), next.to_string(), "the place in the hub's order");
        self.tally.events = next;
        let mut seen = format!("published {next}");
        for client in &mut self.clients {
            match client {
                Role::Subscribed(subscriber, of) if *of == broker => {
                    let heard = subscriber.event();
                    check(&heard, next, bytes);
                    seen += format!(", heard {:?} {:?} {bytes}", heard.id, heard.name).as_str();
                }
                Role::Stalled(stalled) if stalled.broker == broker => {
                    stalled.events.push((next, bytes));
                }
                _ => continue,
            }
            self.tally.due += 1;
        }
        seen
    }

    pub(super) fn chatter(&mut self, client: usize) -> String {
        if let Role::Subscribed(subscriber, _) = &mut self.clients[client] {
            subscriber.peer.send("GET /fail HTTP/1.1\r\nhost: test\r\n\r\n".repeat(9));
        }
        String::new()
    }

    pub(super) fn stall(&mut self, client: usize, broker: usize) -> String {
        let subscriber = Subscriber::open(self.asking_narrow(client), &feed_path(broker));
        let head = subscriber.head.head_without_date();
        let dropped = self.brokers[broker].dropped_events();
        let stalled = Stalled { subscriber, broker, dropped, events: Vec::new() };
        self.clients[client] = Role::Stalled(stalled);
        let owed = self.server.stats().owed_bytes;
        let mut seen = self.publish_often(STALL_EVENTS, broker);
        // What was published before the socket refused is owed whole, so that comes first.
        eventually("it is owed some", || self.server.stats().owed_bytes > owed + STALL_EVENT_BYTES);
        seen += &self.publish_often(LOST_EVENTS, broker);
        eventually("it loses events", || self.brokers[broker].dropped_events() > dropped);
        self.bystander_is_served();
        head + &seen
    }

    fn publish_often(&mut self, times: usize, broker: usize) -> String {
        (0..times).map(|_| self.publish(broker, STALL_EVENT_BYTES) + "\n").collect()
    }

    pub(super) fn read_on(&mut self, client: usize) -> String {
        let Role::Stalled(mut stalled) = std::mem::replace(&mut self.clients[client], Role::Away)
        else {
            unreachable!("scripts know who is stalled");
        };
        let (broker, next) = (stalled.broker, self.tally.events + 1);
        let received = AtomicU64::new(0);
        let (heard, seen) = std::thread::scope(|scope| {
            let subscriber = &mut stalled.subscriber;
            let counted = &received;
            let reader = scope.spawn(move || {
                let mut heard = Vec::new();
                while heard.last().is_none_or(|last: &Heard| last.number() != next) {
                    heard.push(subscriber.event());
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                heard
            });
            // What was lost is final only now: the core may not have come to the last events before.
            eventually("each event is received or counted as dropped", || {
                let lost = self.brokers[broker].dropped_events() - stalled.dropped;
                received.load(Ordering::Relaxed) + lost == stalled.events.len() as u64
            });
            let seen = self.publish(broker, NEXT_BYTES);
            (reader.join().expect("events come before the end"), seen)
        });
        stalled.events.push((next, NEXT_BYTES));
        self.tally.due += 1;
        stalled.check(&heard, &self.brokers);
        let due = stalled.due();
        self.clients[client] = Role::Subscribed(stalled.subscriber, broker);
        format!("{seen}, it heard of or lost {due}, {next} it heard")
    }

    pub(super) fn finish(&mut self, client: usize) -> String {
        let (mut subscriber, stalled) =
            match std::mem::replace(&mut self.clients[client], Role::Away) {
                Role::Subscribed(subscriber, _) => (subscriber, false),
                Role::Stalled(stalled) => {
                    self.tally.left_owed += stalled.due();
                    (stalled.subscriber, true)
                }
                Role::Away | Role::Asking(_) => unreachable!("scripts know who subscribes"),
            };
        subscriber.peer.finish();
        // Noticed at once, not only when it reads.
        let left = self.left();
        let (heard, ending) = subscriber.rest();
        assert!(stalled || heard.is_empty(), "nothing was published");
        format!("{ending:?}, {left}")
    }
}

impl Stalled {
    /// How many events were published for it.
    pub(super) fn due(&self) -> u64 {
        self.events.len() as u64
    }

    /// What it is still owed comes, and then the end.
    pub(super) fn expect_end(mut self, brokers: &[Broker]) {
        let (heard, ending) = self.subscriber.rest();
        assert_eq!(ending, Ending::Whole);
        self.check(&heard, brokers);
    }

    /// It heard only of what was published, of all of it that was not dropped, whole and in order.
    fn check(&self, heard: &[Heard], brokers: &[Broker]) {
        let mut events = self.events.iter();
        for heard in heard {
            let number = heard.number();
            let published = events.find(|(id, _)| *id == number);
            let (_, bytes) = published.unwrap_or_else(|| panic!("{number} again, or not for it"));
            check(heard, number, *bytes);
        }
        let lost = brokers[self.broker].dropped_events() - self.dropped;
        assert_eq!(heard.len() as u64 + lost, self.due(), "received, or counted as dropped");
    }
}

/// A request for a feed, behind another request.
fn with_feed(broker: usize, behind: Option<Ask>) -> String {
    let first = behind.map(Ask::bytes).unwrap_or_default();
    first + &crate::support::get(&feed_path(broker))
}

/// The data of an event: so many bytes at least, and not those of another event.
fn data(number: u64, bytes: usize) -> String {
    "e".repeat(bytes) + &number.to_string()
}

#[track_caller]
fn check(heard: &Heard, number: u64, bytes: usize) {
    assert_eq!(heard.number(), number);
    assert!(heard.data == Some(data(number, bytes)), "event {number} is whole");
}
