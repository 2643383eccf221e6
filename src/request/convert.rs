//! Requests from and to the types of the `http` crate. Nothing is lost on the way there and back.

use super::{Made, Params, Request};
use crate::extract::PeerAddr;
use crate::headers::Headers;
use crate::router::States;
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::sync::Arc;

/// What targets may hold here and an [`http::Uri`] may not. Browsers encode it, too.
const NOT_IN_URI: &AsciiSet =
    &CONTROLS.add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

/// What the router found out, on its way through a request of the `http` crate.
#[derive(Clone)]
struct Routed(Params, Option<Arc<States>>);

impl Request {
    /// The same request in the types of the `http` crate: body, headers and target as they are, the
    /// peer's address as the extension [`PeerAddr`]. Of a target, what an [`http::Uri`] cannot hold is
    /// percent-encoded.
    ///
    /// ```
    /// use headwater::Request;
    ///
    /// let request = Request::get("/a?b").header("host", "example.com").body("c")?;
    /// let copy = request.to_http()?;
    /// assert_eq!((copy.uri(), copy.body()), (&"/a?b".parse()?, request.body()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the target is longer than the 65,534 bytes of an [`http::Uri`] or has an authority that is none
    /// there, as in `http://a%41/`, or there are more headers than the 32,768 of a map.
    pub fn to_http(&self) -> Result<http::Request<Bytes>, http::Error> {
        let target = self.target();
        let uri = match target.parse::<http::Uri>() {
            Ok(uri) => uri,
            Err(_) => utf8_percent_encode(target, NOT_IN_URI).to_string().parse()?,
        };
        let mut request = http::Request::new(self.body().clone());
        *request.method_mut() = self.method().clone();
        *request.uri_mut() = uri;
        *request.version_mut() = self.version();
        for (name, value) in self.owned_headers() {
            request.headers_mut().try_append(name, value)?;
        }
        *request.extensions_mut() = self.extensions().clone();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(PeerAddr(peer));
        }
        // Detached: what is between may change the target.
        let params = self.params.detached(self.path());
        request.extensions_mut().insert(Routed(params, self.states.clone()));
        Ok(request)
    }
}

impl From<http::Request<Bytes>> for Request {
    /// A [`PeerAddr`] among the extensions becomes the peer's address.
    fn from(request: http::Request<Bytes>) -> Self {
        let (mut parts, body) = request.into_parts();
        let headers = Headers::from(parts.headers);
        let peer = parts.extensions.remove().map(|PeerAddr(peer)| peer);
        let routed = parts.extensions.remove();
        let head = Made::new(parts.method, &parts.uri, parts.version, headers);
        let mut request = Self::made(head, body, peer);
        if let Some(Routed(params, states)) = routed {
            (request.params, request.states) = (params, states);
        }
        request.extensions = parts.extensions;
        request
    }
}

impl TryFrom<Request> for http::Request<Bytes> {
    type Error = http::Error;

    /// See [`Request::to_http`].
    fn try_from(request: Request) -> Result<Self, http::Error> {
        request.to_http()
    }
}
