//! Events that others gave the store, under the same scope: another process, or the one before this that was
//! killed with an event under way. They are sent in their places, before what the broker stored after them.

use super::Kept;
use super::sequencer::send;
use crate::broker::BrokerShared;
use crate::keeper::Settled;
use crate::replay::StoreError;
use std::sync::Arc;
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
        let page = kept.keeper.read(&kept.scope, Some(&at.into())).map(|(page, _)| page);
        if page.is_err() {
            kept.keeper.count_read_failure();
        }
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
    let tail = || kept.keeper.tail(&kept.scope).ok()?.as_number();
    let newest = first.map_or_else(tail, |first| first.checked_sub(1));
    match newest {
        Some(newest) => kept.lock().begin(newest),
        // Whoever wants to know asks again at once.
        None => thread::sleep(PAUSE),
    }
    newest
}
