//! Server-Sent Events for a server that is not in this crate: events and their wire format (WHATWG
//! HTML §9.2), a hub of brokers to publish into from any thread, and the fan-out that each core runs
//! for the streams whose sockets it owns. Knows no sockets, no engine and no HTTP beyond the chunk
//! frame; the root crate `headwater` joins it to those.

mod broker;
mod client;
mod event;
mod fanout;
mod format;
mod hub;
mod id;
mod prepared;
pub(crate) mod ring;
mod sync;
mod waiters;

pub use broker::{Broker, BrokerBuilder, PublishError, Published, Refusal, SlowPolicy};
pub use client::{
    Client, ClientConfig, ClientPolicy, Command, FlushError, ForwardError, ForwardItem, Home,
    Origin, SendError, SendRefusal, Subscription,
};
#[cfg(feature = "json")]
pub use event::JsonError;
pub use event::{Event, Field, FieldError, RetryError};
pub use fanout::{
    Attempt, Counts, Disconnect, Egress, Fanout, Framing, Laggard, Outcome, Over, StreamId,
    SubscribeError, enter,
};
pub use format::format_event;
pub use hub::{Hub, HubBuilder};
pub use id::{EventId, EventIdError};
pub use prepared::PreparedEvent;
pub use ring::Wake;
