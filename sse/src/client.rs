//! One connected client, as a handler sees it: a handle that any thread may hold. Queues what it is
//! asked to send until the core that owns the socket takes it; never touches a socket.
//!
//! The queue's lock belongs to one client: it is shared by its senders and its core, and is on no
//! broker's path.

use crate::broker::{Broker, BrokerShared};
use crate::event::Event;
use crate::fanout::{Disconnect, StreamId, on_core};
use crate::id::EventId;
use crate::prepared::PreparedEvent;
use crate::waiters::{Ticket, Waiters};
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

mod config;
mod origin;

pub use config::{ClientConfig, ClientPolicy};
pub use origin::Origin;

/// The core that owns a client's socket.
pub trait Home: Send + Sync {
    /// Passes a command to [`crate::Fanout::command`] on that core, soon. A core that is gone
    /// ignores it.
    fn post(&self, command: Command);
}

/// A wish that concerns one stream, for its core.
pub struct Command(pub(crate) Wish);

pub(crate) enum Wish {
    Pull(StreamId),
    /// To what has this position in the hub's ring, or a later one.
    Subscribe(StreamId, Arc<BrokerShared>, u64),
    Unsubscribe(StreamId, Arc<BrokerShared>),
    Close(StreamId),
}

/// A client with an open stream. Cheap to clone; all clones are the same client.
///
/// ```
/// use headwater_sse::{Client, Disconnect, Event, SendError};
///
/// async fn count_down(client: Client) -> Result<Disconnect, SendError> {
///     for n in (0..3).rev() {
///         client.send(Event::data(n.to_string())).await?;
///     }
///     client.close();
///     Ok(client.closed().await)
/// }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<ClientShared>,
}

pub(crate) struct ClientShared {
    home: Arc<dyn Home>,
    stream: StreamId,
    config: Arc<ClientConfig>,
    origin: Option<Arc<dyn Origin>>,
    dropped: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<PreparedEvent>,
    bytes: usize,
    /// The core was asked to take events and has not emptied the queue since.
    asked: bool,
    /// `close` was called.
    closing: bool,
    end: Option<Disconnect>,
    room: Waiters,
    ended: Waiters,
}

impl Client {
    pub(crate) fn new(
        home: Arc<dyn Home>,
        stream: StreamId,
        config: Arc<ClientConfig>,
        origin: Option<Arc<dyn Origin>>,
    ) -> Self {
        let (dropped, queue) = (AtomicU64::new(0), Mutex::default());
        Self { shared: Arc::new(ClientShared { home, stream, config, origin, dropped, queue }) }
    }

    /// Queues an event, if there is room for it now: 256 events and 1 MiB, or any one event alone.
    ///
    /// # Errors
    /// [`SendRefusal::Full`], [`SendRefusal::Closed`] or, for an event without bytes,
    /// [`SendRefusal::Empty`]; each gives the event back.
    pub fn try_send(&self, event: impl Into<Event>) -> Result<(), SendError> {
        self.try_send_prepared(PreparedEvent::new(&event.into()))
    }

    /// Queues an event that is formatted already, if there is room for it now.
    ///
    /// # Errors
    /// As [`Client::try_send`].
    pub fn try_send_prepared(&self, event: PreparedEvent) -> Result<(), SendError> {
        let queue = self.shared.lock();
        if let Some(refusal) = queue.refusal(&event, &self.shared.config) {
            return Err(SendError { refusal, event });
        }
        self.shared.push(queue, event);
        Ok(())
    }

    /// Queues an event, and waits for room where there is none.
    ///
    /// # Errors
    /// [`SendRefusal::Closed`] when the stream ended first, [`SendRefusal::Empty`] for an event
    /// without bytes; both give the event back.
    pub async fn send(&self, event: impl Into<Event>) -> Result<(), SendError> {
        let mut event = Some(PreparedEvent::new(&event.into()));
        let mut waiting = Waiting::new(&self.shared, |queue| &mut queue.room);
        poll_fn(move |context| {
            let Some(next) = event.take() else { return Poll::Ready(Ok(())) };
            let mut queue = self.shared.lock();
            match queue.refusal(&next, &self.shared.config) {
                None => {
                    self.shared.push(queue, next);
                    Poll::Ready(Ok(()))
                }
                Some(SendRefusal::Full) => {
                    event = Some(next);
                    queue.room.wait(&mut waiting.ticket, context.waker());
                    Poll::Pending
                }
                Some(refusal) => Poll::Ready(Err(SendError { refusal, event: next })),
            }
        })
        .await
    }

    /// Ends the stream after what is queued. Calling it twice does nothing.
    pub fn close(&self) {
        let mut queue = self.shared.lock();
        if !queue.closing && queue.end.is_none() {
            queue.closing = true;
            drop(queue);
            self.shared.home.post(Command(Wish::Close(self.shared.stream)));
        }
    }

    /// Waits until the stream has ended, and says why.
    pub async fn closed(&self) -> Disconnect {
        let mut waiting = Waiting::new(&self.shared, |queue| &mut queue.ended);
        poll_fn(move |context| {
            let mut queue = self.shared.lock();
            if let Some(end) = queue.end {
                return Poll::Ready(end);
            }
            queue.ended.wait(&mut waiting.ticket, context.waker());
            Poll::Pending
        })
        .await
    }

    /// Whether nothing more can be sent.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_ended()
    }

    /// Events queued here and not yet taken by the core.
    pub fn queue_depth(&self) -> usize {
        self.shared.lock().events.len()
    }

    /// What the client sent as `Last-Event-ID`.
    pub fn last_event_id(&self) -> Option<&EventId> {
        self.shared.origin.as_ref()?.last_event_id()
    }

    /// Events that this client did not get, because its queue or a broker's buffer was full.
    pub fn dropped_events(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// The address at the other end of the socket, if it is known.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared.origin.as_ref()?.peer_addr()
    }

    /// Bytes that the kernel has and the client has not acknowledged. `None` where that cannot be
    /// known, or the stream is over.
    pub fn unsent_bytes(&self) -> Option<usize> {
        self.shared.origin.as_ref()?.unsent_bytes()
    }

    /// What was kept of the request that opened the stream, if it is a `T`.
    pub fn request<T: Any>(&self) -> Option<&T> {
        self.shared.origin.as_ref()?.request()?.downcast_ref()
    }

    pub(crate) fn subscribe(&self, broker: &Broker) -> Subscription {
        let (stream, broker) = (self.shared.stream, broker.shared.clone());
        // So that its core keeps what is published before it hears of the wish.
        on_core::join(&broker.hub);
        let position = broker.hub.ring.tail();
        self.shared.home.post(Command(Wish::Subscribe(stream, broker.clone(), position)));
        Subscription { client: self.shared.clone(), broker }
    }
}

impl ClientShared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code that can panic runs under the lock, so a poisoned queue is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, event: PreparedEvent) {
        queue.bytes += event.len();
        queue.events.push_back(event);
        if !std::mem::replace(&mut queue.asked, true) {
            drop(queue);
            self.home.post(Command(Wish::Pull(self.stream)));
        }
    }

    /// Takes the next queued event, for the core. `None` says that the core will be asked again.
    pub(crate) fn pull(&self) -> Option<PreparedEvent> {
        let mut queue = self.lock();
        let event = queue.events.pop_front();
        queue.asked = event.is_some();
        queue.bytes -= event.as_ref().map_or(0, PreparedEvent::len);
        let wake = queue.room.take();
        drop(queue);
        wake.for_each(Waker::wake);
        event
    }

    /// Tells everybody that the stream is over. Returns what was queued and is still to be taken.
    pub(crate) fn end(&self, why: Disconnect) -> VecDeque<PreparedEvent> {
        let mut queue = self.lock();
        queue.end.get_or_insert(why);
        let left = std::mem::take(&mut queue.events);
        queue.bytes = 0;
        let wake = queue.room.take().chain(queue.ended.take());
        drop(queue);
        wake.for_each(Waker::wake);
        left
    }
}

impl Queue {
    fn is_ended(&self) -> bool {
        self.closing || self.end.is_some()
    }

    /// Why an event cannot be queued now, if so.
    fn refusal(&self, event: &PreparedEvent, config: &ClientConfig) -> Option<SendRefusal> {
        let bytes = self.bytes.saturating_add(event.len());
        let has_room =
            self.events.len() < config.queue_events.unwrap_or(1) && bytes <= config.queue_bytes;
        if event.is_empty() {
            // As a chunk it would end the body.
            Some(SendRefusal::Empty)
        } else if self.is_ended() {
            Some(SendRefusal::Closed)
        } else if has_room || self.events.is_empty() {
            None
        } else {
            Some(SendRefusal::Full)
        }
    }
}

/// A future's place among those that wait, given back when it is dropped.
struct Waiting<'a> {
    shared: &'a ClientShared,
    list: fn(&mut Queue) -> &mut Waiters,
    ticket: Ticket,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a ClientShared, list: fn(&mut Queue) -> &mut Waiters) -> Self {
        Self { shared, list, ticket: Ticket::default() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        (self.list)(&mut self.shared.lock()).forget(self.ticket);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// A client's membership in a broker. Dropping it ends the membership.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    client: Arc<ClientShared>,
    broker: Arc<BrokerShared>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let wish = Wish::Unsubscribe(self.client.stream, self.broker.clone());
        self.client.home.post(Command(wish));
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("broker", &self.broker.name).finish_non_exhaustive()
    }
}

/// The reason of a [`SendError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SendRefusal {
    /// The client's queue has no room.
    Full,
    /// The stream has ended, or is ending.
    Closed,
    /// The event has no bytes.
    Empty,
}

/// An event was not queued, and is given back.
#[derive(Clone)]
pub struct SendError {
    refusal: SendRefusal,
    event: PreparedEvent,
}

impl SendError {
    /// Why.
    pub fn refusal(&self) -> SendRefusal {
        self.refusal
    }

    /// The event.
    pub fn into_event(self) -> PreparedEvent {
        self.event
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.refusal {
            SendRefusal::Full => "the client's queue is full",
            SendRefusal::Closed => "the client's stream has ended",
            SendRefusal::Empty => "the event has nothing set",
        })
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&self.refusal).finish()
    }
}

impl std::error::Error for SendError {}
