//! What is stored under an event's key: when, what, and the event. Never says under which key.

use super::LogKeys;
use crate::PreparedEvent;
use crate::replay::StoreError;
use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};

/// Of what stands before an event: its kind, and the milliseconds since 1970 as eight bytes, the
/// most significant first.
pub(super) const HEADER_BYTES: usize = 9;
const EVENT: u8 = b'E';
const HOLE: u8 = b'H';

pub(super) struct Value {
    pub(super) written_millis: u64,
    /// None where an event was not stored in time, and never will be.
    pub(super) event: Option<PreparedEvent>,
}

pub(super) fn encode(event: &PreparedEvent) -> Bytes {
    let event = event.without_id();
    value(EVENT, event.as_bytes())
}

/// In the place of an event that was not stored in time.
pub(super) fn hole() -> Bytes {
    value(HOLE, &[])
}

fn value(kind: u8, rest: &[u8]) -> Bytes {
    [&[kind][..], &now_millis().to_be_bytes(), rest].concat().into()
}

/// # Errors
/// It is nothing that was encoded here.
pub(super) fn decode(log: &LogKeys, id: u64, stored: &Bytes) -> Result<Value, StoreError> {
    let corrupt = || StoreError::Corrupt { key: log.event(id) };
    let (header, rest) = stored.split_first_chunk::<HEADER_BYTES>().ok_or_else(corrupt)?;
    let [kind, millis @ ..] = *header;
    let written_millis = u64::from_be_bytes(millis);
    match kind {
        HOLE if rest.is_empty() => Ok(Value { written_millis, event: None }),
        EVENT => {
            let event = PreparedEvent::from_stored(stored.slice(HEADER_BYTES..));
            let whole = event.filter(|event| !event.has_id()).ok_or_else(corrupt)?;
            Ok(Value { written_millis, event: Some(whole) })
        }
        _ => Err(corrupt()),
    }
}

/// A clock before 1970 is one at 1970.
pub(super) fn now_millis() -> u64 {
    since_1970(|time| time.as_millis())
}

pub(super) fn now_micros() -> u64 {
    since_1970(|time| time.as_micros())
}

fn since_1970(unit: impl Fn(std::time::Duration) -> u128) -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(unit(time)).unwrap_or(u64::MAX)
}
