//! What is told of recent events. Every interleaving of those who store, send and resume is in the journal's
//! `model`.

use super::*;
use std::time::Duration;

fn mark(sent: u64) -> Mark {
    Mark { sent, settled: true }
}

fn cursor(after: u64, mark: Mark) -> Cursor {
    Cursor { mark: Some(mark), ..Cursor::new(Some(after.into())) }
}

/// A page, and whether there are more.
fn page(recent: &Recent, cursor: &Cursor) -> Option<(Vec<u64>, bool)> {
    let Lacking::Events(events, more) = recent.since(cursor) else { return None };
    Some((events.iter().filter_map(|(id, _)| id.as_number()).collect(), more))
}

/// All pages.
fn ids(recent: &Recent, mut cursor: Cursor) -> Option<Vec<u64>> {
    let mut all = Vec::new();
    loop {
        let (ids, more) = page(recent, &cursor)?;
        cursor.after = ids.last().copied().map(EventId::from).or(cursor.after);
        all.extend(ids);
        if !more {
            return Some(all);
        }
    }
}

#[test]
fn what_was_read_before_it_was_sent_is_waited_for() {
    let mut recent = Recent::default();
    // The store has it, and it will be sent.
    assert_eq!(recent.since(&cursor(1, mark(0))), Lacking::Ahead);
    let (mut turn, mut next) = (Turn::default(), Turn::default());
    assert!(!recent.is_over(&mut turn));
    assert!(recent.wait(&mut turn, Waker::noop()).is_none());
    recent.push(1.into(), PreparedEvent::nothing());
    assert_eq!(ids(&recent, cursor(1, mark(0))), Some(vec![]));
    assert_eq!(recent.end().count(), 1);
    assert!(recent.is_over(&mut turn));
    assert!(!recent.is_over(&mut next), "that is another batch");
    assert!(recent.wait(&mut next, Waker::noop()).is_none());
    assert!(recent.forget(next).is_some());
    assert_eq!(recent.end().count(), 0);
}

#[test]
fn what_was_sent_since_the_store_was_read_is_told_as_long_as_it_is_here() {
    let mut recent = Recent::default();
    assert_eq!(
        ids(&recent, Cursor::new(Some(0.into()))),
        None,
        "the store was not read to its end"
    );
    for id in 1..=EVENTS as u64 + 10 {
        recent.push((2 * id).into(), PreparedEvent::nothing());
    }
    let sent = recent.sent();
    assert_eq!(ids(&recent, cursor(20, mark(9))), None, "one of these is gone");
    assert_eq!(ids(&recent, cursor(20, mark(10))).map(|ids| ids.len()), Some(EVENTS));
    // The store had two that were sent since.
    let last = 2 * sent;
    assert_eq!(ids(&recent, cursor(last - 4, mark(sent - 4))), Some(vec![last - 2, last]));
    assert_eq!(ids(&recent, cursor(last, mark(sent))), Some(vec![]));
}

#[test]
fn who_read_the_store_before_the_broker_began_reads_it_again() {
    let mut recent = Recent::default();
    let (now, settles) = (Instant::now(), Instant::now() + Duration::from_secs(9));
    let early = recent.mark(settles);
    assert!(!early.settled, "nobody knows where it begins");
    recent.begin(7, settles);
    for after in [0, 6, 7] {
        // What others stored in between is nobody's to send.
        assert_eq!(recent.since(&cursor(after, early)), Lacking::Unknown);
    }
    let soon = recent.mark(now);
    assert_eq!(recent.since(&cursor(6, soon)), Lacking::Unknown, "it may be written still");
    assert_eq!(ids(&recent, cursor(7, soon)), Some(vec![]));
    // There is no such event, or it would be there.
    assert_eq!(ids(&recent, cursor(6, recent.mark(settles))), Some(vec![]));
    assert_eq!(recent.since(&cursor(8, soon)), Lacking::Ahead);
    recent.is_filled_to(8);
    assert_eq!(ids(&recent, cursor(8, soon)), Some(vec![]));
    recent.push(9.into(), PreparedEvent::nothing());
    let late = recent.mark(settles);
    recent.begin(5, settles);
    assert_eq!(recent.since(&cursor(5, late)), Lacking::Unknown, "the store began anew");
    assert_eq!((recent.newest(), recent.events.len(), recent.bytes), (Some(5), 0, 0));
}

#[test]
fn a_stream_is_given_a_page_at_a_time() {
    let mut recent = Recent::default();
    for id in 1..=2 * PAGE_EVENTS as u64 {
        recent.push(id.into(), PreparedEvent::nothing());
    }
    for (after, due, more) in
        [(0, 256, true), (255, 256, true), (256, 256, false), (257, 255, false)]
    {
        let (ids, has_more) = page(&recent, &cursor(after, mark(0))).expect("all are here");
        assert_eq!((ids[0], ids.len(), has_more), (after + 1, due, more));
    }
    let half = PreparedEvent::new(&crate::Event::data("x".repeat(PAGE_BYTES / 2)));
    let whole = PreparedEvent::new(&crate::Event::data("x".repeat(PAGE_BYTES)));
    let mut recent = Recent::default();
    for (id, event) in (1u64..).zip([&half, &half, &whole, &half]) {
        recent.push(id.into(), event.clone());
    }
    for after in 0..4 {
        let (ids, more) = page(&recent, &cursor(after, mark(0))).expect("all are here");
        assert_eq!((ids, more), (vec![after + 1], after < 3));
    }
}

#[test]
fn bytes_are_limited_too() {
    let mut recent = Recent::default();
    let large = PreparedEvent::new(&crate::Event::data("x".repeat(BYTES)));
    for id in 1..=3u64 {
        recent.push(id.into(), large.clone());
        assert_eq!(recent.events.len(), 1);
    }
}
