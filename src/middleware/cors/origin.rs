//! Origins as browsers send them (RFC 6454 §6.1), and which of them are allowed.

use crate::request::Request;
use http::Uri;
use std::fmt;
use std::sync::Arc;

type Predicate = dyn Fn(&str, &Request) -> bool + Send + Sync;

#[derive(Clone)]
pub(super) enum Origins {
    Any,
    List(Vec<String>),
    If(Arc<Predicate>),
}

impl Origins {
    pub(super) fn list(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let checked = |origin: String| match wrong(&origin) {
            None => origin,
            Some(wrong) => panic!("Cors: the origin {origin:?} {wrong}"),
        };
        Self::List(origins.into_iter().map(|origin| checked(origin.into())).collect())
    }

    pub(super) fn lists(&self, origin: &str) -> bool {
        matches!(self, Self::List(origins) if origins.iter().any(|known| known == origin))
    }

    pub(super) fn allow(&self, origin: &str, request: &Request) -> bool {
        match self {
            Self::Any => true,
            Self::List(_) => self.lists(origin),
            Self::If(predicate) => predicate(origin, request),
        }
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::List(origins) => f.debug_list().entries(origins).finish(),
            Self::If(_) => f.write_str("predicate"),
        }
    }
}

/// Why no browser sends this as an origin.
fn wrong(origin: &str) -> Option<&'static str> {
    if origin == "null" {
        return None;
    }
    if origin == "*" {
        return Some("is not one: use any_origin()");
    }
    let uri: Option<Uri> = origin.parse().ok();
    let Some((scheme, authority)) = uri.as_ref().and_then(|uri| uri.scheme().zip(uri.authority()))
    else {
        return Some("is not one: it has a scheme and a host, as https://example.com");
    };
    if origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("has capital letters, which browsers do not send");
    }
    if origin.len() != scheme.as_str().len() + "://".len() + authority.as_str().len() {
        return Some("has a path, if only a slash, which browsers do not send");
    }
    if authority.as_str().contains('@') {
        return Some("has a user name, which browsers do not send");
    }
    match (scheme.as_str(), authority.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) => {
            Some("has the scheme's own port, which browsers leave out")
        }
        (_, None) if authority.as_str().ends_with(':') => Some("ends with a colon"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        for origin in [
            "https://example.com",
            "http://localhost:5173",
            "http://[::1]:8080",
            "https://example.com:80",
            "tauri://localhost",
            "null",
        ] {
            assert_eq!(wrong(origin), None, "{origin}");
        }
        for origin in [
            "*",
            "",
            "example.com",
            "example.com:443",
            "https://example.com/",
            "https://example.com/path",
            "https://example.com?query",
            "https://Example.com",
            "https://user@example.com",
            "https://example.com:443",
            "http://example.com:80",
            "http://example.com:",
            "https://",
            "/",
        ] {
            assert!(wrong(origin).is_some(), "{origin}");
        }
    }
}
