//! Sending to one client: at once, when there is room, and on threads that may wait; and what is done
//! where there is none.

use super::block::block_on;
use super::enter::{Entered, How, Place, Places};
use super::queue::Waiting;
use super::{Client, FlushError, SendError, SendRefusal};
use crate::event::Event;
use crate::fanout::{Disconnect, on_core};
use crate::prepared::PreparedEvent;
use crate::replay::StoreError;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A send under way. Not an async block, which would hold the event twice.
enum Delivery<S, Q> {
    /// Apart, so that the others need not have room for it.
    SeenOut(Pin<Box<S>>),
    Queued(Q),
}

impl<S, Q> Future for Delivery<S, Q>
where
    S: Future<Output = Result<(), SendError>>,
    Q: Future<Output = Result<Option<Place>, SendError>> + Unpin,
{
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::SeenOut(send) => send.as_mut().poll(context),
            Self::Queued(send) => Pin::new(send).poll(context).map(|offered| offered.map(drop)),
        }
    }
}

impl Client {
    /// Queues an event, if there is room for it now; otherwise the stream's
    /// [`ClientPolicy`](crate::ClientPolicy) applies. Where the stream has no queue, there is room once all that
    /// was sent before has left.
    ///
    /// Where the client's events are kept ([`ClientReplay`](crate::ClientReplay)) it is stored first; for a
    /// store that blocks it waits with others, and if that refuses it, it counts as dropped.
    ///
    /// # Errors
    /// [`SendRefusal::Full`], [`SendRefusal::Closed`] or, for an event without bytes,
    /// [`SendRefusal::Empty`]; where the client's events are kept [`SendRefusal::Store`], and
    /// [`SendRefusal::Busy`] if too many wait for the store. Each gives the event back.
    ///
    /// ```
    /// use headwater_sse::{Client, Event, SendRefusal};
    ///
    /// /// Shows a value, unless the last ones have not left yet. False if nobody is there any more.
    /// fn show(client: &Client, degrees: f64) -> bool {
    ///     match client.try_send(Event::data(degrees.to_string())) {
    ///         Ok(()) => true,
    ///         Err(error) => error.refusal() == SendRefusal::Full,
    ///     }
    /// }
    /// ```
    pub fn try_send(&self, event: impl Into<PreparedEvent>) -> Result<(), SendError> {
        self.offer(event.into(), How::Offers).map(drop)
    }

    /// Queues an event. Where there is no room, the stream's [`ClientPolicy`](crate::ClientPolicy) applies,
    /// which by default is to wait for it. Where the stream has no queue, this waits until the kernel has the
    /// event.
    ///
    /// An event is queued whole or not at all, whenever the future is dropped. Where the client's events are
    /// kept ([`ClientReplay`](crate::ClientReplay)) this waits until it is stored, too; one that is with the
    /// store when the future is dropped is queued when that has it.
    ///
    /// It waits for nothing while the stream has not begun: where it would, the event is queued past
    /// what the queue holds.
    ///
    /// # Errors
    /// [`SendRefusal::Closed`] when the stream ended first, [`SendRefusal::Empty`] for an event
    /// without bytes, [`SendRefusal::NotBegun`] past 1 MiB that wait for the stream to begin,
    /// [`SendRefusal::Store`] when the client's store refused it; all give the event back.
    ///
    /// ```
    /// use headwater_sse::{Client, Event, SendError};
    ///
    /// /// As fast as the client takes them.
    /// async fn send_numbers(client: &Client) -> Result<(), SendError> {
    ///     for number in 0..1_000_000 {
    ///         client.send(Event::data(number.to_string())).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn send<E: Into<PreparedEvent>>(
        &self,
        event: E,
    ) -> impl Future<Output = Result<(), SendError>> + use<'_, E> {
        // Made here, so that the future holds one form of it.
        self.deliver(event.into(), true)
    }

    /// [`Client::send`] for threads that may wait. On a core it does not.
    ///
    /// # Errors
    /// As [`Client::send`]; [`SendRefusal::Busy`] at once where waiting would block a core, be it for room or
    /// for the client's store.
    ///
    /// ```
    /// use headwater_sse::{Client, Event};
    /// use std::io::{BufRead, Result};
    ///
    /// /// For a thread that reads what it sends.
    /// fn follow(client: &Client, log: impl BufRead) -> Result<()> {
    ///     for line in log.lines() {
    ///         if client.send_blocking(Event::data(line?)).is_err() {
    ///             break;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn send_blocking(&self, event: impl Into<PreparedEvent>) -> Result<(), SendError> {
        let event = event.into();
        if !on_core::is_core() {
            return block_on(self.deliver(event, true));
        }
        if self.shared.config.queue_events.is_none()
            && self.shared.lock().waits_for_kernel(event.len())
        {
            return Err(SendError::new(SendRefusal::Busy, event));
        }
        if let Some(refusal) = self.refusal_where_none_waits(&event) {
            return Err(SendError::new(refusal, event));
        }
        let entered = match self.offer(event, How::Offers) {
            Err(error) if error.refusal() == SendRefusal::Full => {
                self.enter(error.into_event(), How::Insists)
            }
            entered => entered,
        };
        entered.map(drop).map_err(|error| match error.refusal() {
            SendRefusal::Full => SendError::new(SendRefusal::Busy, error.into_event()),
            _ => error,
        })
    }

    /// Sends an event that has data and nothing else, as [`Client::send`] does.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_data(&self, data: impl Into<String>) -> Result<(), SendError> {
        self.send(Event::data(data)).await
    }

    /// Sends a comment, which clients skip, as [`Client::send`] does.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_comment(&self, text: impl Into<String>) -> Result<(), SendError> {
        self.send(Event::new().comment(text)).await
    }

    /// Sends an event that is formatted already, as [`Client::send`] does: in the order of all that
    /// is sent to this client.
    ///
    /// # Errors
    /// As [`Client::send`].
    ///
    /// ```
    /// use headwater_sse::{Client, PreparedEvent};
    ///
    /// /// Sends what all get, formatted once, in the order of what each gets.
    /// async fn tell(clients: &[Client], news: &PreparedEvent) {
    ///     for client in clients {
    ///         // Those that have left are taken off elsewhere.
    ///         client.send_prepared(news).await.ok();
    ///     }
    /// }
    /// ```
    pub async fn send_prepared(&self, event: &PreparedEvent) -> Result<(), SendError> {
        self.send(event.clone()).await
    }

    /// Waits until the kernel has every event that was queued before, or waited for the client's store. Of a
    /// stream that has not begun, nothing leaves: there this is done at once.
    ///
    /// # Errors
    /// [`FlushError::Closed`] when the stream ended without that.
    ///
    /// ```
    /// use headwater_sse::Client;
    /// use std::time::{Duration, Instant};
    ///
    /// /// How long an event takes to leave.
    /// async fn time(client: &Client) -> Result<Duration, Box<dyn std::error::Error>> {
    ///     let begin = Instant::now();
    ///     client.send_comment("how long is this on its way?").await?;
    ///     client.flush().await?;
    ///     Ok(begin.elapsed())
    /// }
    /// ```
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.is_settled().await.map_err(FlushError::Closed)?;
        let number = self.shared.lock().sent;
        self.has_left(number).await.map_err(FlushError::Closed)
    }

    /// [`Client::flush`] for threads that may wait. On a core it does not.
    ///
    /// # Errors
    /// As [`Client::flush`]; [`FlushError::Busy`] at once where waiting would block a core.
    pub fn flush_blocking(&self) -> Result<(), FlushError> {
        if !on_core::is_core() {
            return block_on(self.flush());
        }
        let queue = self.shared.lock();
        match queue.is_flushed(queue.sent) {
            _ if queue.waits_for_store() => Err(FlushError::Busy),
            Some(flushed) => flushed.map_err(FlushError::Closed),
            None => Err(FlushError::Busy),
        }
    }

    /// Queues an event, waiting for room unless a policy that is to be asked says otherwise.
    pub(super) fn deliver(
        &self,
        event: PreparedEvent,
        ask: bool,
    ) -> impl Future<Output = Result<(), SendError>> + use<'_> {
        if self.shared.config.queue_events.is_none() {
            return Delivery::SeenOut(Box::pin(self.see_out(event)));
        }
        Delivery::Queued(self.offer_until_room(event, ask))
    }

    /// Queues an event, and waits until the kernel has it.
    async fn see_out(&self, event: PreparedEvent) -> Result<(), SendError> {
        let Some(place) = self.offer_until_room(event.clone(), false).await? else {
            return Ok(());
        };
        match self.has_left(place.number).await {
            Err(_) if !place.stored => Err(SendError::new(SendRefusal::Closed, event)),
            // One that is stored is not lost.
            _ => Ok(()),
        }
    }

    /// Queues an event when there is room, and waits for what its store says, if it has one. `None` if it was
    /// dropped.
    fn offer_until_room(
        &self,
        event: PreparedEvent,
        mut ask: bool,
    ) -> impl Future<Output = Result<Option<Place>, SendError>> + use<'_> {
        let mut event = Some(event);
        let mut asked = None;
        let mut places = Places::new(&self.shared);
        poll_fn(move |context| {
            if let Some(next) = event.take() {
                let copy = self.shared.keeping.get().map(|_| next.clone());
                let asks = std::mem::take(&mut ask);
                match self.offer_or_wait(next, asks, &mut places, context.waker()) {
                    Ok(Entered::Queued(place)) => return Poll::Ready(Ok(Some(place))),
                    Ok(Entered::Done) => return Poll::Ready(Ok(None)),
                    Ok(Entered::Asked(outcome)) => asked = copy.map(|copy| (outcome, copy)),
                    Err(error) if error.may_wait() => event = Some(error.into_event()),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            // Not polled again after its end.
            let Some((outcome, event)) = &mut asked else { return Poll::Pending };
            let Poll::Ready(outcome) = Pin::new(outcome).poll(context) else {
                return Poll::Pending;
            };
            let event = event.clone();
            asked = None;
            // The threads answer everybody.
            let outcome = outcome.unwrap_or_else(|_| Err(Arc::new(threads_gone())));
            Poll::Ready(outcome.map(Some).map_err(|error| SendError::of_store(error, event)))
        })
    }

    /// Waits until the kernel has the client's events up to this number.
    async fn has_left(&self, number: u64) -> Result<(), Disconnect> {
        let mut waiting = Waiting::new(&self.shared, |queue| &mut queue.flush);
        poll_fn(move |context| {
            let mut queue = self.shared.lock();
            if let Some(flushed) = queue.is_flushed(number) {
                return Poll::Ready(flushed);
            }
            let before = queue.flush.wait(&mut waiting.ticket, context.waker());
            drop(queue);
            // Foreign code, outside of the lock.
            drop(before);
            Poll::Pending
        })
        .await
    }
}

fn threads_gone() -> StoreError {
    StoreError::unavailable("its threads are gone", true)
}
