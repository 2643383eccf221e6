//! Settings of the streams of one endpoint: the queue of what a client is sent, what a full queue means,
//! and what a stream opens with. Applied by `queue` and by the fan-out.

use super::Client;
use crate::event::Event;
use crate::prepared::PreparedEvent;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Events that wait for the core.
const QUEUE_EVENTS: usize = 256;
/// Bytes of such events.
const QUEUE_BYTES: usize = 1024 * 1024;

/// What a send does that finds the client's queue full.
///
/// ```
/// use headwater_sse::{ClientConfig, ClientPolicy};
///
/// // A chart can do without some values; who misses a message of a chat must start anew.
/// let chart = ClientConfig::new().queue_events(16).slow_policy(ClientPolicy::Drop);
/// let chat = ClientConfig::new().slow_policy(ClientPolicy::Close);
/// # let _ = (chart, chat);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ClientPolicy {
    /// The event is dropped, and counted ([`Client::dropped_events`]); the send succeeds.
    Drop,
    /// The stream ends with [`crate::Disconnect::Slow`], and the send fails with
    /// [`crate::SendRefusal::Closed`].
    Close,
    /// [`Client::send`] waits for room, as does [`Client::send_blocking`] on a thread that is no
    /// core; on a core that is refused as [`crate::SendRefusal::Busy`], because it would wait for
    /// itself. [`Client::try_send`], which never waits, fails with [`crate::SendRefusal::Full`].
    #[default]
    Block,
}

/// Decides for one client and one event. Runs on the thread of the sender.
pub(crate) type OnSlowClient = dyn Fn(&Client, &PreparedEvent) -> ClientPolicy + Send + Sync;

#[derive(Clone)]
pub(crate) enum Slow {
    Policy(ClientPolicy),
    Ask(Arc<OnSlowClient>),
}

/// How the streams of an endpoint behave: given to [`crate::Fanout::open`] for each.
///
/// ```
/// use headwater_sse::{ClientConfig, ClientPolicy};
/// use std::time::Duration;
///
/// let config = ClientConfig::new()
///     .queue_events(64)
///     .slow_policy(ClientPolicy::Drop)
///     .retry(Duration::from_secs(3))
///     .gap_notice("missed");
/// # let _ = config;
/// ```
#[derive(Clone)]
#[must_use]
#[non_exhaustive]
pub struct ClientConfig {
    pub(crate) queue_events: Option<usize>,
    pub(crate) queue_bytes: usize,
    pub(crate) slow: Slow,
    pub(crate) retry: Option<Duration>,
    /// A name that an event can have.
    pub(crate) gap_notice: Option<Arc<str>>,
    pub(crate) ends_with_brokers: bool,
}

impl ClientConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            queue_events: Some(QUEUE_EVENTS),
            queue_bytes: QUEUE_BYTES,
            slow: Slow::Policy(ClientPolicy::default()),
            retry: None,
            gap_notice: None,
            ends_with_brokers: false,
        }
    }

    /// How many events that a client is sent may wait until its core takes them, which it does
    /// while the socket takes bytes: 1 at least, 256 by default. What a broker delivers is not
    /// counted. Where brokers keep the socket busy without end, what the client is sent leaves in
    /// its place among their events, 16 KiB at a time.
    ///
    /// With `None` there is no queue: each send waits until the kernel has the event, and no
    /// policy applies. Before the stream is admitted (`on_connect`), when nothing leaves, sends do not
    /// wait, up to `queue_bytes`.
    pub fn queue_events(mut self, events: impl Into<Option<usize>>) -> Self {
        self.queue_events = events.into().map(|events| events.max(1));
        self
    }

    /// How many bytes such events may have together; any one is let in alone. Default 1 MiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// What a send does that finds the queue full. Default [`ClientPolicy::Block`].
    pub fn slow_policy(mut self, policy: ClientPolicy) -> Self {
        self.slow = Slow::Policy(policy);
        self
    }

    /// Asks `decide` each time that a send finds the queue full, on the sender's thread. A panic in
    /// it is the sender's.
    ///
    /// ```
    /// use headwater_sse::{ClientConfig, ClientPolicy};
    ///
    /// let patient = ClientConfig::new().on_slow_client(|client, event| {
    ///     match (client.dropped_events(), event.has_id()) {
    ///         (1000.., _) => ClientPolicy::Close,
    ///         (_, true) => ClientPolicy::Block,
    ///         _ => ClientPolicy::Drop,
    ///     }
    /// });
    /// # let _ = patient;
    /// ```
    pub fn on_slow_client(
        mut self,
        decide: impl Fn(&Client, &PreparedEvent) -> ClientPolicy + Send + Sync + 'static,
    ) -> Self {
        self.slow = Slow::Ask(Arc::new(decide));
        self
    }

    /// Tells the client, before any event, how long to wait before it reconnects: whole
    /// milliseconds, as [`Event::retry`] has them. Default: nothing is said.
    pub fn retry(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.retry = after.into();
        self
    }

    /// Sends an event of this name before the next event after a loss, whether the loss was one of
    /// a broker or of the client's queue. Its data is one line with the number of events that were
    /// lost, and a second with the id of the event before them, where there was one that had one.
    /// That event may be one that was lost as well: what a client has is what it got before the
    /// first of several notices in a row. A notice has no id of its own. Default: none is sent.
    ///
    /// CR, LF and NUL are taken out of the name; an empty one is none.
    pub fn gap_notice<'a>(mut self, name: impl Into<Option<&'a str>>) -> Self {
        let name = name.into().and_then(|name| Event::new().event(name).name);
        self.gap_notice = name.map(Into::into);
        self
    }

    /// Whether the stream ends when it has lost the last of its brokers. Default no.
    pub fn ends_with_brokers(mut self, ends: bool) -> Self {
        self.ends_with_brokers = ends;
        self
    }

    /// What every stream opens with.
    pub(crate) fn preamble(&self) -> Option<PreparedEvent> {
        let event = PreparedEvent::new(&Event::new().retry(self.retry?));
        Some(event).filter(|event| !event.is_empty())
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("queue_events", &self.queue_events)
            .field("queue_bytes", &self.queue_bytes)
            .field("slow", &self.slow)
            .field("retry", &self.retry)
            .field("gap_notice", &self.gap_notice)
            .field("ends_with_brokers", &self.ends_with_brokers)
            .finish()
    }
}

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(policy) => policy.fmt(f),
            Self::Ask(_) => f.write_str("a callback"),
        }
    }
}
