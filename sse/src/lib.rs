//! Server-Sent Events for a server that is not in this crate: events and their wire format (WHATWG
//! HTML §9.2), a hub of brokers to publish into from any thread, and the fan-out that each core runs
//! for the streams whose sockets it owns. Knows no sockets, no engine and no HTTP beyond the chunk
//! frame; the root crate `headwater` joins it to those.
//!
//! A core and its part of the streams, with a socket in memory:
//!
//! ```
//! use headwater_sse::{Attempt, ClientConfig, Command, Egress, Event, Fanout, Framing, Home, Hub};
//! use headwater_sse::{Outcome, Wake};
//! use std::sync::{Arc, mpsc};
//! use std::thread::{self, Thread};
//!
//! /// Brings the core what clients' handles, on any thread, ask of it.
//! struct Mailbox(mpsc::Sender<Command>);
//!
//! impl Home for Mailbox {
//!     fn post(&self, command: Command) {
//!         // A core that is gone needs no commands.
//!         self.0.send(command).ok();
//!     }
//! }
//!
//! /// Ends the sleep of the core's thread when something is published.
//! struct Alarm(Thread);
//!
//! impl Wake for Alarm {
//!     fn wake(&self) {
//!         self.0.unpark();
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Socket(Vec<u8>);
//!
//! impl Egress for Socket {
//!     fn send(&mut self, batch: &mut [Attempt<'_>]) {
//!         for attempt in batch {
//!             let before = self.0.len();
//!             attempt.slices.iter().for_each(|slice| self.0.extend_from_slice(slice));
//!             attempt.outcome = Outcome::Sent(self.0.len() - before);
//!         }
//!     }
//! }
//!
//! let news = Hub::new().broker("news").build();
//! let (sender, inbox) = mpsc::channel();
//! let (home, wake) = (Arc::new(Mailbox(sender)), Arc::new(Alarm(thread::current())));
//! let mut core = Fanout::new(home, wake, Arc::default());
//! let stream = core.open(1, Framing::Plain, "HEAD\n".into(), &Arc::new(ClientConfig::new()), None);
//! core.subscribe(stream, &news)?;
//!
//! // On any thread:
//! news.publish(Event::data("for all"))?;
//! core.client(stream).try_send(Event::data("for one"))?;
//!
//! // The core's loop:
//! inbox.try_iter().for_each(|command| core.command(command));
//! core.absorb();
//! let mut socket = Socket::default();
//! while core.round(&mut socket, 0) {}
//! let sent = String::from_utf8(socket.0)?;
//! assert!(sent.starts_with("HEAD\n") && sent.contains("id: 1\ndata: for all\n\n"), "{sent}");
//! assert!(sent.contains("data: for one\n\n"), "{sent}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod broker;
mod client;
mod event;
mod fanout;
mod format;
/// For the crates of this project: what is in here may change with any version.
#[doc(hidden)]
pub mod guard;
mod hub;
mod id;
mod keeper;
mod pause;
mod prepared;
pub mod replay;
pub(crate) mod ring;
mod sync;
mod waiters;

pub use broker::{Broker, BrokerBuilder, PublishError, Published, Refusal, SlowPolicy};
pub use client::{
    Client, ClientConfig, ClientPolicy, ClientReplay, ClientReplayBuilder, Command, FlushError,
    Follow, ForwardError, ForwardItem, Home, Origin, ResumeError, SendError, SendRefusal,
    Subscription,
};
#[cfg(feature = "json")]
pub use event::JsonError;
pub use event::{Event, Field, FieldError, RetryError};
pub use fanout::{
    Attempt, Counts, Disconnect, Egress, Fanout, Framing, Laggard, Outcome, Over, Resumed,
    StreamId, SubscribeError, enter,
};
pub use format::format_event;
pub use hub::{Hub, HubBuilder};
pub use id::{EventId, EventIdError};
pub use keeper::{ReplayStats, StoreFailure};
pub use prepared::PreparedEvent;
pub use ring::Wake;
