//! A request as a handler sees it. Owns its bytes; nothing of it points into a receive buffer.

use bytes::Bytes;
use headwater_http::{Head, Version};
use headwater_sse::EventId;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::net::SocketAddr;

/// One request, its body received completely.
#[derive(Debug)]
pub struct Request {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) params: Vec<(String, String)>,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        self.head.method()
    }

    /// The path, not decoded, without the query.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// What follows the `?`, not decoded.
    pub fn query(&self) -> Option<&str> {
        self.head.query()
    }

    /// Whether the request is HTTP/1.0.
    pub fn is_http_1_0(&self) -> bool {
        self.head.version() == Version::Http10
    }

    /// The first header with this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.head.header(name)
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.headers()
    }

    /// All headers as a map of the `http` crate. Allocates; made anew by each call.
    pub fn header_map(&self) -> HeaderMap {
        let pair = |(name, value): (&str, &[u8])| {
            // Both were checked by stricter rules when the head was parsed.
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value).ok()?))
        };
        let mut map = HeaderMap::new();
        self.headers().filter_map(pair).for_each(|(name, value)| {
            map.append(name, value);
        });
        map
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What the route's `{name}` matched.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The address of the peer, as the kernel knows it.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The `Last-Event-ID` that a reconnecting client sends (WHATWG HTML §9.2.4). `None` where there is
    /// none, or it is none that a client can have received.
    pub fn last_event_id(&self) -> Option<EventId> {
        EventId::from_header(self.header("last-event-id")?).ok()
    }
}
