//! Events that others gave the store, under the same scope: another process, or the one before this that was
//! killed with an event under way. They are sent in their places, before what the broker stored after them.

use super::sequencer::send;
use super::{Kept, PAGE_EVENTS, Settled, panicked};
use crate::broker::BrokerShared;
use crate::guard::guard;
use crate::replay::{Page, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// How long the place of an event is waited for that somebody took and has not filled. Stores step over it
/// before that.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Sends what the store has after what was sent, and before `first`, which this broker stored; or to the end,
/// where it stored nothing.
pub(super) fn send_foreign(kept: &Kept, broker: &Arc<BrokerShared>, first: Option<u64>) {
    let newest = kept.lock().newest();
    let Some(newest) = newest.or_else(|| begin(kept, first)) else { return };
    if first == Some(newest + 1) {
        return;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut at = newest;
    loop {
        let page = read(kept, at);
        if matches!(page, Err(StoreError::Unknown { .. })) {
            // It keeps them no more.
            return;
        }
        let more = page.as_ref().is_ok_and(|page| page.more);
        for event in page.into_iter().flat_map(|page| page.events) {
            let Some(id) = event.id.as_number().filter(|id| first.is_none_or(|first| *id < first))
            else {
                return;
            };
            let settled = Settled { event: event.with_id(), id: Some(event.id) };
            if send(kept, broker, settled).is_err() {
                // The broker was closed.
                return;
            }
            at = id;
        }
        let filled = first.is_none_or(|first| at + 1 >= first);
        if !more && (filled || Instant::now() > deadline) {
            return;
        }
        if !more {
            thread::sleep(PAUSE);
        }
    }
}

/// Where the broker begins: nobody was sent anything before.
fn begin(kept: &Kept, first: Option<u64>) -> Option<u64> {
    let tail = || guard(|| kept.store.tail(&kept.scope)).ok()?.ok()?.as_number();
    let newest = first.map_or_else(tail, |first| first.checked_sub(1));
    match newest {
        Some(newest) => kept.lock().begin(newest),
        // Whoever wants to know asks again at once.
        None => thread::sleep(PAUSE),
    }
    newest
}

fn read(kept: &Kept, at: u64) -> Result<Page, StoreError> {
    let read = || kept.store.since(&kept.scope, Some(&at.into()), PAGE_EVENTS);
    guard(read).unwrap_or_else(|_| Err(panicked())).inspect_err(|_| {
        kept.counts.read_failures.fetch_add(1, Ordering::Relaxed);
    })
}
