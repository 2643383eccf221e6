//! The notice that tells a client, in its stream, of events that it lost. Where it stands in the stream
//! is decided in `lag` and `slow`.

use super::Framing;
use super::block::frame;
use crate::client::ClientConfig;
use crate::event::Event;
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use bytes::Bytes;

/// Events of one broker, in a row, that a subscriber did not get.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Gap {
    pub(super) broker: u64,
    pub(super) missed: u64,
    /// The id of the broker's last event before them.
    pub(super) last: Option<EventId>,
}

impl Gap {
    /// The notice as it goes to the wire, if the stream gets one.
    pub(super) fn framed(&self, framing: Framing, config: &ClientConfig) -> Option<Bytes> {
        let notice = notice(config, self.missed, self.last.as_ref())?;
        Some(frame(framing, notice.bytes()))
    }
}

/// The notice of a loss of `missed` events after the one with the id `last`.
pub(crate) fn notice(
    config: &ClientConfig,
    missed: u64,
    last: Option<&EventId>,
) -> Option<PreparedEvent> {
    let name = config.gap_notice.as_deref()?;
    let data = match last {
        Some(id) => format!("{missed}\n{id}"),
        None => missed.to_string(),
    };
    Some(PreparedEvent::new(&Event::data(data).event(name)))
}
