//! What the cases work with: a stand for each kind of store, and words for asking it.

pub(crate) mod server;
pub(crate) mod stand;

use headwater_sse::replay::{Page, ReplayStore, Scope, StoreError, UnknownId};
use headwater_sse::{Event, EventId, PreparedEvent};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use stand::{Kind, Stand};

/// Makes a test of each case for each store: `on_every_store! { from ring: case, case }` for all,
/// `from memory` for those over a key-value store, `from redis` for servers.
macro_rules! on_every_store {
    (from ring: $($case:ident),* $(,)?) => {
        mod ring { $(#[test] fn $case() { crate::support::run(crate::support::Kind::Ring, super::$case); })* }
        on_every_store! { from memory: $($case),* }
    };
    (from memory: $($case:ident),* $(,)?) => {
        mod memory { $(#[test] fn $case() { crate::support::run(crate::support::Kind::Memory, super::$case); })* }
        on_every_store! { from redis: $($case),* }
    };
    (from redis: $($case:ident),* $(,)?) => {
        #[cfg(feature = "redis")]
        mod redis { $(#[test] fn $case() { crate::support::run(crate::support::Kind::Redis, super::$case); })* }
        #[cfg(feature = "postgres")]
        mod postgres { $(#[test] fn $case() { crate::support::run(crate::support::Kind::Postgres, super::$case); })* }
        #[cfg(feature = "memcache")]
        mod memcached { $(#[test] fn $case() { crate::support::run(crate::support::Kind::Memcached, super::$case); })* }
    };
}
pub(crate) use on_every_store;

/// Runs a case on a stand of this kind, if there can be one here.
pub(crate) fn run(kind: Kind, case: impl FnOnce(&Stand)) {
    if let Some(stand) = Stand::shared(kind) {
        case(&stand);
    }
}

pub(crate) fn event(text: impl Into<String>) -> PreparedEvent {
    Event::data(text).into()
}

/// Appends an event, and returns its id.
pub(crate) fn append(store: &dyn ReplayStore, scope: &Scope, text: &str) -> EventId {
    let ids = store.append(scope, &[event(text)]).expect("appended");
    ids.last().expect("an id")
}

pub(crate) fn number(id: &EventId) -> u64 {
    id.to_string().parse().expect("a decimal number")
}

/// The id that is so far from this one.
pub(crate) fn away(id: &EventId, by: i64) -> EventId {
    number(id).checked_add_signed(by).expect("in range").into()
}

pub(crate) fn why(page: Result<Page, StoreError>) -> UnknownId {
    match page {
        Err(StoreError::Unknown { why, .. }) => why,
        other => panic!("not unknown: {other:?}"),
    }
}

/// All that comes after an id, read in pages of this size.
pub(crate) fn all_since(
    store: &dyn ReplayStore,
    scope: &Scope,
    after: &EventId,
    max: usize,
) -> Result<Vec<(EventId, PreparedEvent)>, StoreError> {
    let mut all = Vec::new();
    let mut at = after.clone();
    loop {
        let page = store.since(scope, Some(&at), max)?;
        assert!(page.events.len() <= max, "a page has {}", page.events.len());
        assert!(!page.more || !page.events.is_empty(), "there is more, but not from where");
        all.extend(page.events.into_iter().map(|replayed| (replayed.id, replayed.event)));
        match all.last() {
            Some((id, _)) if page.more => at = id.clone(),
            _ => return Ok(all),
        }
    }
}

/// The ids are those after `before`, without a gap.
pub(crate) fn assert_dense(ids: impl IntoIterator<Item = EventId>, before: &EventId) -> usize {
    let mut last = number(before);
    let mut many = 0;
    for id in ids {
        last += 1;
        many += 1;
        assert_eq!(number(&id), last);
    }
    many
}

/// Waits for a condition, and fails if that takes longer than a minute.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "waited a minute for: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
