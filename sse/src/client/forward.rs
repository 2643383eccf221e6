//! Passing a whole stream of events on to a client, at the client's pace, for as long as it stays.

use super::queue::Waiting;
use super::{Client, SendError, SendRefusal};
use crate::event::Event;
use crate::fanout::Disconnect;
use crate::prepared::PreparedEvent;
use futures_core::Stream;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What a forwarded stream is made of: events, or results of them.
///
/// ```
/// use headwater_sse::{Event, ForwardItem, PreparedEvent};
///
/// /// A piece of an answer, as a model sends it.
/// struct Token {
///     text: String,
///     is_last: bool,
/// }
///
/// impl ForwardItem for Token {
///     type Error = &'static str;
///
///     fn into_event(self) -> Result<PreparedEvent, Self::Error> {
///         match self.text.as_str() {
///             "" if !self.is_last => Err("the model has lost its words"),
///             text => Ok(Event::data(text).event(if self.is_last { "end" } else { "token" }).into()),
///         }
///     }
/// }
/// # let token = Token { text: "because".into(), is_last: false };
/// # assert_eq!(token.into_event()?, Event::data("because").event("token").into());
/// # Ok::<(), &str>(())
/// ```
pub trait ForwardItem {
    /// What the stream can fail with.
    type Error;

    /// The event, or the stream's failure.
    ///
    /// # Errors
    /// The stream's own.
    fn into_event(self) -> Result<PreparedEvent, Self::Error>;
}

impl ForwardItem for Event {
    type Error = Infallible;

    fn into_event(self) -> Result<PreparedEvent, Infallible> {
        Ok(self.into())
    }
}

impl ForwardItem for PreparedEvent {
    type Error = Infallible;

    fn into_event(self) -> Result<PreparedEvent, Infallible> {
        Ok(self)
    }
}

impl<T: Into<PreparedEvent>, E> ForwardItem for Result<T, E> {
    type Error = E;

    fn into_event(self) -> Result<PreparedEvent, E> {
        self.map(Into::into)
    }
}

/// Why a stream was not forwarded to its end.
///
/// ```
/// use headwater_sse::ForwardError;
/// use std::io;
///
/// /// What to write into the log, if anything.
/// fn note(outcome: Result<(), ForwardError<io::Error>>) -> Option<String> {
///     match outcome {
///         // Clients leave whenever they like.
///         Ok(()) | Err(ForwardError::Closed(_)) => None,
///         Err(error) => Some(error.to_string()),
///     }
/// }
/// # let broken = ForwardError::Stream(io::Error::other("broken"));
/// # assert_eq!(note(Err(broken)).as_deref(), Some("the forwarded stream failed: broken"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ForwardError<E> {
    /// The client's stream ended first.
    Closed(Disconnect),
    /// The forwarded stream failed with this.
    Stream(E),
    /// The client's stream has not begun, and what may wait for that is used up. This event was not
    /// sent, and none after it was taken.
    NotBegun(PreparedEvent),
    /// The client's store did not take an event. It was not sent, and none after it was taken.
    Store(SendError),
}

impl<E: fmt::Display> fmt::Display for ForwardError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(why) => write!(f, "the client's stream ended: {why}"),
            Self::Stream(error) => write!(f, "the forwarded stream failed: {error}"),
            Self::NotBegun(_) => f.write_str("the client's stream has not begun"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for ForwardError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Closed(_) | Self::NotBegun(_) => None,
            Self::Stream(error) => Some(error),
            Self::Store(error) => error.source(),
        }
    }
}

impl Client {
    /// Sends all events of a stream, taking the next one only when the last has its place in the
    /// queue, whatever the [`crate::ClientPolicy`]. Events without bytes are skipped.
    ///
    /// When the client's stream ends, the forwarded one is dropped at once, so that whoever
    /// produces it can stop.
    ///
    /// # Errors
    /// [`ForwardError::Closed`] when the client's stream ended first, [`ForwardError::Stream`] with
    /// the first failure of the forwarded one, [`ForwardError::NotBegun`] past 1 MiB that wait for
    /// the client's stream to begin, [`ForwardError::Store`] where the client's store refuses an event.
    ///
    /// ```
    /// use futures_core::Stream;
    /// use headwater_sse::{Client, Event};
    ///
    /// async fn tokens<S>(client: Client, answer: S)
    /// where
    ///     S: Stream<Item = Result<Event, std::io::Error>>,
    /// {
    ///     if let Err(error) = client.forward(answer).await {
    ///         eprintln!("{error}");
    ///     }
    /// }
    /// ```
    pub async fn forward<S>(
        &self,
        stream: S,
    ) -> Result<(), ForwardError<<S::Item as ForwardItem>::Error>>
    where
        S: Stream<Item: ForwardItem>,
    {
        let mut stream = pin!(stream);
        let mut closed = Waiting::new(&self.shared, |queue| &mut queue.ended);
        loop {
            let next = poll_fn(|context| {
                if let Some(why) = self.shared.lock().ended(&mut closed.ticket, context) {
                    return Poll::Ready(Err(why));
                }
                stream.as_mut().poll_next(context).map(Ok)
            });
            let Some(item) = next.await.map_err(ForwardError::Closed)? else { return Ok(()) };
            let event = item.into_event().map_err(ForwardError::Stream)?;
            let Err(error) = self.deliver(event, false).await else { continue };
            match error.refusal() {
                SendRefusal::Empty => {}
                SendRefusal::Store => return Err(ForwardError::Store(error)),
                SendRefusal::NotBegun => return Err(ForwardError::NotBegun(error.into_event())),
                // All others are waited for.
                _ => return Err(ForwardError::Closed(self.closed().await)),
            }
        }
    }
}
