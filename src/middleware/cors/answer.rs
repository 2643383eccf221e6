//! The headers of one answer (Fetch standard §3.3.3). Every answer that would be another one for another
//! origin says so in `Vary`, also to requests without an origin: caches keep it for all.

use super::{Allowed, Cors, Exposed, Origins};
use crate::request::Request;
use crate::response::Response;
use http::{HeaderValue, Method, StatusCode, header};

/// A CORS-preflight request.
pub(super) fn is_preflight(request: &Request) -> bool {
    *request.method() == Method::OPTIONS
        && request.header("origin").is_some()
        && request.header("access-control-request-method").is_some()
}

impl Cors {
    /// The value of `Access-Control-Allow-Origin`; None where there is no origin, or one that is not
    /// allowed.
    pub(super) fn permission(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.header("origin")?;
        if matches!(self.origins, Origins::Any) {
            return Some(HeaderValue::from_static("*"));
        }
        let allowed = self.origins.allow(str::from_utf8(origin).ok()?, request);
        allowed.then(|| HeaderValue::from_bytes(origin).ok()).flatten()
    }

    /// The answer to a preflight. Without permission it is the same without permission.
    pub(super) fn preflight(&self, request: &Request) -> Response {
        let mut response = Response::new(StatusCode::NO_CONTENT);
        for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
            vary(&mut response, name);
        }
        let Some(origin) = self.permission(request) else { return response };
        self.allow_origin(&mut response, origin);
        let headers = response.headers_mut();
        let asked = |name| request.header(name).and_then(token_list);
        let methods = self.methods.value(|| asked("access-control-request-method"));
        if let Some(methods) = methods {
            headers.set(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        let names = self.headers.value(|| asked("access-control-request-headers"));
        if let Some(names) = names {
            headers.set(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
        if let Some(age) = &self.max_age {
            headers.set(header::ACCESS_CONTROL_MAX_AGE, age.clone());
        }
        response
    }

    /// Adds to any other answer what it needs.
    pub(super) fn permit(&self, mut response: Response, origin: Option<HeaderValue>) -> Response {
        if !matches!(self.origins, Origins::Any) {
            vary(&mut response, "origin");
        }
        let Some(origin) = origin else { return response };
        self.allow_origin(&mut response, origin);
        let exposed = match &self.exposed {
            Exposed::Safelisted => return response,
            Exposed::Listed(names) => names.clone(),
            Exposed::All => HeaderValue::from_static("*"),
        };
        response.headers_mut().set(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        response
    }

    fn allow_origin(&self, response: &mut Response, origin: HeaderValue) {
        let headers = response.headers_mut();
        headers.set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }
}

impl Allowed {
    fn value(&self, asked: impl FnOnce() -> Option<HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::Safelisted => None,
            Self::Listed(names) => Some(names.clone()),
            Self::Asked => asked(),
        }
    }
}

/// What was asked for, if it is a list of names.
fn token_list(value: &[u8]) -> Option<HeaderValue> {
    let is_token = |part: &[u8]| Method::from_bytes(part.trim_ascii()).is_ok();
    let all = value.split(|&byte| byte == b',').all(is_token);
    all.then(|| HeaderValue::from_bytes(value).ok()).flatten()
}

/// Adds a name to `Vary` (RFC 9110 §12.5.5), unless it is there.
fn vary(response: &mut Response, name: &'static str) {
    let names = |name: &str| {
        response.headers().get_all(header::VARY).any(|value| {
            let mut listed = value.as_bytes().split(|&byte| byte == b',');
            listed.any(|known| known.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    if !names(name) && !names("*") {
        response.headers_mut().append(header::VARY, HeaderValue::from_static(name));
    }
}
