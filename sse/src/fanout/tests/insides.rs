//! What must hold of a fan-out's insides between any two calls.

use super::Fanout;
use crate::fanout::Counts;
use crate::fanout::hold::NOWHERE;
use crate::fanout::stream::{Asked, List, Place, Stream, number};
use crate::fanout::take::NONE;
use crate::fanout::topic::LATE;
use crate::hub::Hub;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

pub(super) fn check(fanout: &Fanout) {
    check_topics(fanout);
    check_streams(fanout);
    let log_bytes: u64 = fanout.topics.iter().map(|(_, topic)| topic.log.len()).sum();
    assert_eq!(fanout.log_bytes, log_bytes);
    let owed = fanout.streams.iter().filter_map(|(_, stream)| stream.owed.as_ref());
    assert_eq!(fanout.owed_bytes, owed.clone().map(|owed| owed.bytes()).sum::<usize>());
    assert_eq!(fanout.own_bytes, owed.map(|owed| owed.bytes_of_own()).sum::<usize>());
    let indexed: usize =
        fanout.index.values().map(|pair| pair.iter().filter(|&&topic| topic != NONE).count()).sum();
    assert_eq!(indexed, fanout.topics.len());
}

fn check_topics(fanout: &Fanout) {
    let mut queued = HashMap::new();
    fanout.ready.iter().for_each(|&index| *queued.entry(index).or_insert(0) += 1);
    for (index, topic) in &fanout.topics {
        let index = number(index);
        assert_eq!(fanout.index[&topic.broker.id][topic.framing as usize], index);
        let ready = queued.remove(&index).unwrap_or(0);
        assert_eq!(ready, i32::from(topic.circle.queued), "in the list exactly while it says so");
        assert!(topic.circle.queued || !topic.is_unused(), "forgotten with its last subscriber");
        assert!(topic.circle.queued || topic.log.len() == 0, "nobody would ever release it");
        assert!(topic.taken.is_none());
        let everybody = topic.live.iter().map(|live| live.stream);
        let everybody = everybody.chain(topic.dropping.iter().map(|dropping| dropping.stream));
        let noticing = |&stream: &u32| fanout.streams[stream as usize].config.gap_notice.is_some();
        assert_eq!(topic.noticing as usize, everybody.filter(noticing).count());
        for (position, live) in topic.live.iter().enumerate() {
            let stream = &fanout.streams[live.stream as usize];
            assert_stands(stream, index, position, List::Live);
            if live.cursor() != LATE {
                let log = &topic.log;
                assert!(live.cursor() >= log.head() && live.cursor() <= log.tail());
                let at_an_end = live.cursor() == log.tail()
                    || live.cursor() == log.head()
                    || log.ends(live.cursor() - 1, live.cursor()).len() == 1;
                assert!(at_an_end || stream.owed.is_some(), "between events, whole ones only");
                assert!(topic.circle.queued || live.cursor() == log.tail());
            }
        }
        for (position, dropping) in topic.dropping.iter().enumerate() {
            let stream = &fanout.streams[dropping.stream as usize];
            assert_stands(stream, index, position, List::Dropping);
            let left = stream.owed.as_ref().map(|owed| owed.left_bytes());
            assert!(left.is_some_and(|left| left < dropping.until), "it would drop for ever");
        }
    }
    assert!(queued.is_empty(), "only topics that exist wait for their turn");
}

fn check_streams(fanout: &Fanout) {
    let refused = |stream: &Stream| stream.owed.as_ref().is_some_and(|o| o.refused.is_some());
    let stalled = fanout.streams.iter().filter(|(_, stream)| refused(stream)).count();
    assert_eq!(fanout.stalled.len(), stalled);
    for (index, stream) in &fanout.streams {
        assert!(!stream.in_batch, "no attempt is under way");
        if refused(stream) {
            let seat = stream.owed.as_ref().map(|owed| owed.seat as usize);
            assert_eq!(seat.map(|seat| fanout.stalled[seat]), Some(number(index)));
        }
        if stream.to == NOWHERE {
            assert!(stream.blocked && !stream.queued && refused(stream));
            continue;
        }
        let waits = stream.owed.as_ref().is_some_and(|owed| !owed.is_empty());
        assert_eq!(waits, stream.owed.is_some(), "an empty one is none");
        assert!(!stream.blocked || waits, "blocked on what?");
        assert_eq!(waits && !stream.blocked, stream.queued, "owed something, and nobody sends it");
        if stream.queued {
            assert!(fanout.flush.contains(&number(index)));
        }
        let thins_out = |place: &Place| place.asked == Asked::DropOldest;
        let thinned = stream.subscriptions.as_slice().iter().any(thins_out);
        assert!(!thinned || refused(stream), "the answer is for one episode");
        for place in stream.subscriptions.as_slice() {
            let topic = &fanout.topics[place.topic as usize];
            let at = place.position as usize;
            let listed = match place.list {
                List::Live => topic.live[at].stream,
                List::Dropping => topic.dropping[at].stream,
            };
            assert_eq!(listed, number(index));
            assert_eq!(topic.framing, stream.framing);
        }
    }
}

/// Nothing is left of streams that are over.
pub(super) fn check_empty(fanout: &Fanout, counts: &Counts, hub: &Hub) {
    check(fanout);
    assert_eq!((fanout.streams.len(), fanout.topics.len(), fanout.index.len()), (0, 0, 0));
    assert_eq!((fanout.ready.len(), fanout.flush.len()), (0, 0));
    assert_eq!((fanout.owed_bytes, fanout.log_bytes, fanout.stalled.len()), (0, 0, 0));
    assert!(fanout.hubs.iter().all(|joined| joined.ending.is_empty()));
    assert_eq!(hub.backlog(), 0);
    assert_eq!(counts.streams.load(Ordering::Relaxed), 0);
    assert_eq!(counts.owed_bytes.load(Ordering::Relaxed), 0);
}

/// The stream knows where it stands in a topic.
fn assert_stands(stream: &Stream, topic: u32, position: usize, list: List) {
    let place = stream.subscriptions.find(topic).expect("a place for each entry");
    assert_eq!((place.position, place.list), (number(position), list));
    assert!(place.times > 0);
}
