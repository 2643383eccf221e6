//! Events that are sent from their own bytes, without a copy into the log.

use super::*;
use crate::fanout::{Attempt, Egress, Outcome};
use crate::prepared::PreparedEvent;

/// Takes everything, and keeps where it came from.
#[derive(Default)]
struct Places(Vec<*const u8>);

impl Egress for Places {
    fn send(&mut self, batch: &mut [Attempt<'_>]) {
        for attempt in batch {
            self.0.extend(attempt.slices.iter().map(|slice| slice.as_ptr()));
            attempt.outcome = Outcome::Sent(attempt.slices.iter().map(|slice| slice.len()).sum());
        }
    }
}

/// How often these events are sent from their own bytes to these many subscribers, if all are published
/// before the core looks.
fn direct_sends(subscribers: usize, events: &[PreparedEvent]) -> usize {
    let (news, mut core) = (broker(), Core::new());
    for _ in 0..subscribers {
        core.subscriber(&news);
    }
    for event in events {
        news.publish_prepared(event).expect("room");
    }
    let mut places = Places::default();
    while core.fanout.absorb() > 0 || core.fanout.round(&mut places, 1) {}
    let delivered = core.counts.delivered.load(Ordering::Relaxed);
    assert_eq!(delivered, (subscribers * events.len()) as u64);
    let own = |place: &&*const u8| events.iter().any(|event| event.bytes().as_ptr() == **place);
    places.0.iter().filter(own).count()
}

fn events(many: usize, size: usize) -> Vec<PreparedEvent> {
    (0..many).map(|_| PreparedEvent::new(&Event::data("x".repeat(size)))).collect()
}

#[test]
fn events_of_one_or_two_subscribers_are_sent_from_their_own_bytes() {
    for (subscribers, direct) in [(1, true), (2, true), (3, false)] {
        for size in [1, 100, 10_000] {
            let sends = direct_sends(subscribers, &events(1, size));
            assert_eq!(sends, if direct { subscribers } else { 0 }, "{subscribers}, {size} bytes");
        }
    }
}

#[test]
fn many_small_events_at_a_time_are_sent_in_one_piece() {
    for (many, direct) in [(2, true), (3, true), (4, false)] {
        assert_eq!(direct_sends(1, &events(many, 100)), if direct { many } else { 0 });
    }
}

#[test]
fn large_events_are_sent_from_their_own_bytes_to_however_many() {
    // With the name of its field and the end of the event.
    let [largest_copied, smallest_direct] = [16 * 1024 - 8, 16 * 1024 - 7];
    assert_eq!(direct_sends(5, &events(4, largest_copied)), 0);
    assert_eq!(direct_sends(5, &events(4, smallest_direct)), 20);
}
