//! Bodies of answers: what they are made of. How they are sent is the worker's business: whole bodies
//! and heads in `worker::respond`, streamed ones in `worker::pieces`.

use crate::detached::DetachedHandler;
use crate::sse::Opening;
use bytes::Bytes;
use futures_core::Stream;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a [`Response`](crate::Response): nothing, bytes, or a stream of them.
///
/// ```
/// use headwater::Body;
/// use bytes::Bytes;
///
/// let whole = Body::from(Bytes::from_static(b"all of it"));
/// # assert_eq!(format!("{whole:?}"), "9 bytes");
/// ```
#[derive(Default)]
pub struct Body(pub(crate) Content);

#[derive(Default)]
pub(crate) enum Content {
    #[default]
    Empty,
    Bytes(Bytes),
    /// The connection becomes an event stream.
    Stream(Option<Box<Opening>>),
    /// Bytes that come one piece after the other.
    Pieces(Pieces),
    /// A handler takes the connection over.
    Detached(Option<DetachedHandler>),
}

/// Why a streamed body ended early.
pub(crate) type BodyError = Box<dyn Error + Send + Sync>;

/// A streamed body, and how long it says it is.
pub(crate) struct Pieces {
    pub(crate) stream: Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>>>>,
    pub(crate) length: Option<u64>,
}

impl Body {
    /// How many bytes of a streamed body wait in user space when its socket is full (64 KiB), besides
    /// the one piece that passes the mark.
    pub const STREAM_BUFFER_BYTES: usize = 64 * 1024;

    /// A body that comes in pieces, of unknown length: chunked for HTTP/1.1, until the connection closes
    /// for HTTP/1.0 (RFC 9112 §6, §7.1). Empty pieces are skipped.
    ///
    /// The stream is polled on the core that owns the connection, so it need not be `Send`; it is not
    /// polled while [`Body::STREAM_BUFFER_BYTES`] wait for a full socket, nor at all for HEAD and for
    /// statuses without a body. Several pieces that are ready together leave with one send.
    ///
    /// # The end
    /// - The stream ends: the body is complete, and the connection goes on.
    /// - It yields an error or panics: what came before is sent, then the connection is closed without
    ///   the last chunk, so that the client knows. An HTTP/1.0 client cannot tell. Counted in
    ///   [`Stats::failed_bodies`](crate::Stats::failed_bodies).
    /// - The client leaves: the stream is dropped at once. One that only stops sending may still read:
    ///   see [`Timeouts::half_closed`](crate::Timeouts::half_closed).
    /// - The client does not read for [`Timeouts::write`](crate::Timeouts::write): the connection is
    ///   closed, and the stream dropped.
    /// - The server drains: the body goes on, and is cut at the deadline like any answer.
    ///
    /// ```
    /// use headwater::{Body, Response, Router, http::StatusCode, routing::get};
    /// use bytes::Bytes;
    /// use std::{convert::Infallible, pin::Pin, task::{Context, Poll}};
    ///
    /// /// Counts down, one line per piece.
    /// struct Countdown(u32);
    ///
    /// impl futures_core::Stream for Countdown {
    ///     type Item = Result<Bytes, Infallible>;
    ///
    ///     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    ///         let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
    ///         self.0 = left;
    ///         Poll::Ready(Some(Ok(format!("{left}\n").into())))
    ///     }
    /// }
    ///
    /// let app = Router::new().route(
    ///     "/countdown",
    ///     get(|| Response::new(StatusCode::OK).body(Body::stream(Countdown(10)))),
    /// );
    /// ```
    pub fn stream<E>(stream: impl Stream<Item = Result<Bytes, E>> + 'static) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::pieces(stream, None)
    }

    /// The same of a length that is known before: `length` bytes, which the head says in
    /// `Content-Length`.
    ///
    /// A stream that ends before is cut like one that fails. One that has more is cut after `length`
    /// bytes: the surplus is never sent. Both are counted in
    /// [`Stats::failed_bodies`](crate::Stats::failed_bodies). A stream that has yielded all its bytes is
    /// polled once more and then dropped, whether or not it has ended.
    ///
    /// ```
    /// use headwater::{Body, Response, http::StatusCode};
    /// use bytes::Bytes;
    /// use std::{convert::Infallible, pin::Pin, task::{Context, Poll}};
    ///
    /// /// So many zeros, without memory for all of them.
    /// struct Zeros(u64);
    ///
    /// impl futures_core::Stream for Zeros {
    ///     type Item = Result<Bytes, Infallible>;
    ///
    ///     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    ///         static PIECE: [u8; 16 * 1024] = [0; 16 * 1024];
    ///         let length = self.0.min(PIECE.len() as u64);
    ///         self.0 -= length;
    ///         let piece = Bytes::from_static(&PIECE[..length as usize]);
    ///         Poll::Ready((length > 0).then_some(Ok(piece)))
    ///     }
    /// }
    ///
    /// let gigabyte = Response::new(StatusCode::OK).body(Body::sized_stream(1 << 30, Zeros(1 << 30)));
    /// ```
    pub fn sized_stream<E>(
        length: u64,
        stream: impl Stream<Item = Result<Bytes, E>> + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::pieces(stream, Some(length))
    }

    fn pieces<E>(
        stream: impl Stream<Item = Result<Bytes, E>> + 'static,
        length: Option<u64>,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let stream = Box::pin(ErrorsBoxed { stream: Box::pin(stream) });
        Self(Content::Pieces(Pieces { stream, length }))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Empty => f.write_str("empty"),
            Content::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Content::Stream(_) => f.write_str("event stream"),
            Content::Pieces(Pieces { length: Some(length), .. }) => {
                write!(f, "stream of {length} bytes")
            }
            Content::Pieces(_) => f.write_str("stream"),
            Content::Detached(_) => f.write_str("detached connection"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Content::Empty } else { Content::Bytes(bytes) })
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

/// A stream whose errors have lost their type.
struct ErrorsBoxed<S> {
    stream: Pin<Box<S>>,
}

impl<S, E> Stream for ErrorsBoxed<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<BodyError>,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream
            .as_mut()
            .poll_next(context)
            .map(|next| next.map(|item| item.map_err(Into::into)))
    }
}
