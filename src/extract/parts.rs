//! Parts of a request that need no decoding.

use super::{FromRequestParts, OptionalFromRequestParts, Rejection};
use crate::request::Request;
use http::{HeaderMap, Method};
use std::any::{Any, type_name};
use std::convert::Infallible;
use std::net::SocketAddr;

impl FromRequestParts for Method {
    type Rejection = Infallible;

    fn from_request_parts(request: &Request) -> Result<Self, Infallible> {
        Ok(request.method().clone())
    }
}

impl FromRequestParts for HeaderMap {
    type Rejection = Infallible;

    /// Allocates; [`Request::header`] does not.
    fn from_request_parts(request: &Request) -> Result<Self, Infallible> {
        Ok(request.header_map())
    }
}

/// The address of the peer, as the kernel knows it. 500 where it is not known, as it is in a request
/// that was made by hand; `Option<PeerAddr>` is `None` then.
///
/// ```
/// use headwater::{Request, Router, extract::PeerAddr, routing::get};
///
/// let app = Router::new().route("/", get(|PeerAddr(peer): PeerAddr| peer.ip().to_string()));
/// let request = Request::get("/").peer_addr(([192, 0, 2, 1], 4711).into()).body("")?;
/// assert_eq!(app.call_blocking(request).text(), Some("192.0.2.1"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

impl FromRequestParts for PeerAddr {
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        let peer = request.peer_addr().map(Self);
        peer.ok_or(Rejection::internal("the address of the peer is not known"))
    }
}

impl OptionalFromRequestParts for PeerAddr {
    type Rejection = Infallible;

    fn from_request_parts(request: &Request) -> Result<Option<Self>, Infallible> {
        Ok(request.peer_addr().map(Self))
    }
}

/// What middleware has left in the request's [extensions](Request::extensions_mut), cloned. 500 where
/// there is none; `Option<Extension<T>>` is `None` then.
///
/// ```
/// use headwater::{Request, Router, extract::Extension, middleware::Next, routing::get};
///
/// #[derive(Clone)]
/// struct User(String);
///
/// let app = Router::new()
///     .route("/", get(|Extension(user): Extension<User>| user.0))
///     .with(async |mut request: Request, next: Next| {
///         request.extensions_mut().insert(User("ada".to_owned()));
///         next.run(request).await
///     });
/// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("ada"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<T>(pub T);

impl<T: Any + Clone + Send + Sync> FromRequestParts for Extension<T> {
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        let value = request.extensions().get().cloned().map(Self);
        value.ok_or_else(|| {
            let name = type_name::<T>();
            Rejection::internal(format!("no middleware has left an Extension<{name}>"))
        })
    }
}

impl<T: Any + Clone + Send + Sync> OptionalFromRequestParts for Extension<T> {
    type Rejection = Infallible;

    fn from_request_parts(request: &Request) -> Result<Option<Self>, Infallible> {
        Ok(request.extensions().get().cloned().map(Self))
    }
}
