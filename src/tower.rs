//! Mounts a `tower::Service` under a router, for example an axum router: requests go in and answers come
//! out as the `http` crate's. Streamed bodies keep their back-pressure. What it cannot carry over are
//! upgrades: a service that expects to take over the connection gets none. See [`service`].

use crate::body::{Body, BodyError};
use crate::extract::Needs;
use crate::handler::{Endpoint, Reply};
use crate::headers::Headers;
use crate::report;
use crate::response::Response;
use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use tower_service::Service;

/// The body of a request as a service gets it: received completely, within
/// [`HttpLimits::body_bytes`](crate::HttpLimits::body_bytes).
///
/// ```
/// use headwater::tower::RequestBody;
/// use http_body::Body as _;
///
/// let body = RequestBody::from(bytes::Bytes::from_static(b"four"));
/// assert_eq!(body.size_hint().exact(), Some(4));
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestBody(Bytes);

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.0);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// A handler that answers with a service, which gets the request as
/// [`Request::to_http`](crate::Request::to_http) makes it: among its extensions are the peer's address, as
/// [`PeerAddr`](crate::extract::PeerAddr), and what middleware has left there; those of the answer come back to
/// middleware. The service is cloned for each request, waited for until it is ready, and called on the core of
/// the connection; its futures and bodies need not be `Send`. Give it to
/// [`Router::fallback`](crate::Router::fallback) to let it route by itself.
///
/// Of the answer's headers, `Connection`, `Content-Length`, `Transfer-Encoding` and `Keep-Alive` are
/// decided here, from the body. Trailers are dropped. A body that is ready whole is sent as such, others
/// as by [`Body::stream`] or, where their length is known, [`Body::sized_stream`]. An error of the service
/// is answered with 500, and reported with the feature `tracing`. Types of tokio need
#[cfg_attr(feature = "tokio", doc = "[`ServerBuilder::tokio`](crate::ServerBuilder::tokio).")]
#[cfg_attr(not(feature = "tokio"), doc = "`ServerBuilder::tokio`, of the feature `tokio`.")]
///
/// ```
/// use headwater::{Router, routing};
///
/// let axum = axum::Router::new().route("/hello", axum::routing::get(async || "from axum"));
/// let app = Router::new()
///     .route("/", routing::get(|| "from headwater"))
///     .fallback(headwater::tower::service(axum));
/// ```
pub fn service<S, B>(service: S) -> Endpoint
where
    S: Service<http::Request<RequestBody>, Response = http::Response<B>>,
    S: Clone + Send + Sync + 'static,
    S::Future: 'static,
    S::Error: Into<BodyError>,
    B: HttpBody + 'static,
    B::Error: Into<BodyError>,
{
    Endpoint::new(Needs::default(), move |incoming| {
        let (mut service, request) = (service.clone(), incoming.take());
        Reply::Pending(Box::pin(async move {
            let head = request.method() == http::Method::HEAD;
            let request = match request.to_http() {
                Ok(request) => request.map(RequestBody),
                Err(error) => {
                    return Response::plain(StatusCode::BAD_REQUEST, format!("{error}\n"));
                }
            };
            let answer = match poll_fn(|context| service.poll_ready(context)).await {
                Ok(()) => service.call(request).await,
                Err(error) => Err(error),
            };
            let failed = |error: S::Error| {
                report::failed_answer(&error.into());
                Response::plain(StatusCode::INTERNAL_SERVER_ERROR, "the service failed\n")
            };
            answer.map_or_else(failed, |answer| inward(answer, head))
        }))
    })
}

fn inward<B>(answer: http::Response<B>, head: bool) -> Response
where
    B: HttpBody + 'static,
    B::Error: Into<BodyError>,
{
    let (parts, body) = answer.into_parts();
    let said = length(&parts.headers);
    let mut response = Response::new(parts.status);
    response.extensions = parts.extensions;
    response.headers = Headers::from(parts.headers);
    for decided_here in [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        HeaderName::from_static("keep-alive"),
    ] {
        response.headers.remove(decided_here);
    }
    if head {
        // The body of an answer to HEAD is not there, but the head speaks of it.
        return response.body(match said {
            Some(length) => Body::sized_stream(length, from_http_body(body)),
            None => Body::stream(from_http_body(body)),
        });
    }
    let length = body.size_hint().exact();
    let mut pieces = from_http_body(body);
    // Most bodies are one piece that is there already.
    let first = pieces.poll(&mut Context::from_waker(Waker::noop()));
    match first {
        Poll::Ready(None) => return response,
        Poll::Ready(Some(Ok(whole))) if pieces.body.is_end_stream() => return response.body(whole),
        Poll::Ready(first) => pieces.first = first,
        Poll::Pending => {}
    }
    response.body(match length {
        Some(length) => Body::sized_stream(length, pieces),
        None => Body::stream(pieces),
    })
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn from_http_body<B>(body: B) -> Frames<B> {
    Frames { first: None, body: Box::pin(body) }
}

/// The data of a body, piece by piece, and before it what a first look has found.
struct Frames<B> {
    first: Option<Result<Bytes, BodyError>>,
    body: Pin<Box<B>>,
}

impl<B> Frames<B>
where
    B: HttpBody,
    B::Error: Into<BodyError>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let Some(frame) = ready!(self.body.as_mut().poll_frame(context)) else {
                return Poll::Ready(None);
            };
            match frame.map(Frame::into_data) {
                // A copy only if the data is in several parts.
                Ok(Ok(mut data)) => {
                    return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining()))));
                }
                // Trailers.
                Ok(Err(_)) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}

impl<B> Stream for Frames<B>
where
    B: HttpBody,
    B::Error: Into<BodyError>,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.poll(context),
        }
    }
}
