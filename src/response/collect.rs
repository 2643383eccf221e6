//! The whole body of an answer, for those who want it in one piece.

use super::Response;
use crate::body::{BodyError, Content, Pieces};
use bytes::{Bytes, BytesMut};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;

/// Why an answer has no whole body.
///
/// ```
/// use headwater::{CollectError, Hub, Request, Router, routing::get, sse};
///
/// let news = Hub::new().broker("news").build();
/// let app = Router::new().route("/news", get(sse::feed(&news)));
/// let answer = app.call_blocking(Request::get("/news").body("")?);
/// match answer.into_bytes_blocking() {
///     Err(CollectError::Endless(stream)) => assert!(stream.is_event_stream()),
///     other => panic!("a feed has no end: {other:?}"),
/// }
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CollectError {
    /// The stream of pieces failed, or was shorter or longer than it said. Over a socket the answer would
    /// have been cut.
    Failed(Box<dyn Error + Send + Sync>),
    /// An event stream, or a connection that is taken over: neither has a body that ends. Here it is back.
    Endless(Box<Response>),
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the body failed: {error}"),
            Self::Endless(_) => f.write_str("the answer has no body that ends"),
        }
    }
}

impl Error for CollectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            Self::Endless(_) => None,
        }
    }
}

impl Response {
    /// The whole body, waited for if it comes in pieces. All of it is held in memory, however long it is:
    /// this is for tests, and for bodies whose end is known.
    ///
    /// ```
    /// use headwater::{Body, Request, Response, Router, http::StatusCode, routing::get};
    /// # use bytes::Bytes;
    /// # use std::{convert::Infallible, pin::Pin, task::{Context, Poll}};
    /// # struct Countdown(u32);
    /// # impl futures_core::Stream for Countdown {
    /// #     type Item = Result<Bytes, Infallible>;
    /// #     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    /// #         let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
    /// #         self.0 = left;
    /// #         Poll::Ready(Some(Ok(format!("{left} ").into())))
    /// #     }
    /// # }
    ///
    /// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
    /// let countdown = || Response::new(StatusCode::OK).body(Body::stream(Countdown(3)));
    /// let app = Router::new().route("/countdown", get(countdown));
    /// let answer = app.call(Request::get("/countdown").body("")?).await;
    /// assert_eq!(answer.bytes(), None);
    /// assert_eq!(answer.into_bytes().await?, "2 1 0 ");
    /// # Ok(())
    /// # }
    /// # let mut test = std::pin::pin!(test());
    /// # let mut context = Context::from_waker(std::task::Waker::noop());
    /// # let Poll::Ready(outcome) = test.as_mut().poll(&mut context) else { panic!("all is there") };
    /// # outcome.expect("the test passes");
    /// ```
    ///
    /// # Errors
    /// [`CollectError::Failed`] with the stream's error, and [`CollectError::Endless`] for what has no body.
    pub async fn into_bytes(mut self) -> Result<Bytes, CollectError> {
        match self.body.0 {
            Content::Empty => Ok(Bytes::new()),
            Content::Bytes(bytes) => Ok(bytes),
            Content::Pieces(pieces) => pieces.collect().await.map_err(CollectError::Failed),
            content @ (Content::Stream(_) | Content::Detached(_)) => {
                self.body.0 = content;
                Err(CollectError::Endless(Box::new(self)))
            }
        }
    }

    /// The same without any runtime: the thread waits for the body, as after
    /// [`Router::call_blocking`](crate::Router::call_blocking).
    ///
    /// # Errors
    /// As of `into_bytes`.
    pub fn into_bytes_blocking(self) -> Result<Bytes, CollectError> {
        crate::wait::block_on(self.into_bytes())
    }
}

impl Pieces {
    async fn collect(mut self) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = poll_fn(|context| self.stream.as_mut().poll_next(context)).await {
            whole.extend_from_slice(&piece?);
            if self.length.is_some_and(|length| whole.len() as u64 > length) {
                return Err("the body is longer than it said".into());
            }
        }
        match self.length.map(|length| length - whole.len() as u64) {
            Some(left @ 1..) => Err(format!("the body ended {left} bytes early").into()),
            _ => Ok(whole.freeze()),
        }
    }
}
