//! Which handler answers which method of one path.

use crate::handler::{Endpoint, Handler};
use http::Method;

/// The handlers of one path, by method. HEAD is answered by the handler of GET, unless it has its own.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MethodRouter {
    pub(crate) methods: Vec<(Method, Endpoint)>,
}

impl MethodRouter {
    /// Answers one more method; the last handler given for a method counts.
    pub fn on<S>(mut self, method: Method, handler: impl Handler<S>) -> Self {
        self.methods.retain(|(known, _)| *known != method);
        self.methods.push((method, handler.into_endpoint()));
        self
    }

    /// Also answers GET.
    pub fn get<S>(self, handler: impl Handler<S>) -> Self {
        self.on(Method::GET, handler)
    }

    /// Also answers POST.
    pub fn post<S>(self, handler: impl Handler<S>) -> Self {
        self.on(Method::POST, handler)
    }

    /// The handler of a method.
    pub(crate) fn find(&self, method: &Method) -> Option<&Endpoint> {
        let exact = |wanted: &Method| {
            self.methods.iter().find(|(known, _)| known == wanted).map(|(_, endpoint)| endpoint)
        };
        exact(method).or_else(|| exact(&Method::GET).filter(|_| method == Method::HEAD))
    }

    /// The value of `Allow` (RFC 9110 §10.2.1).
    pub(crate) fn allow(&self) -> String {
        let mut names: Vec<&str> = self.methods.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") && !names.contains(&"HEAD") {
            names.push("HEAD");
        }
        names.join(", ")
    }
}

/// Answers one method.
pub fn on<S>(method: Method, handler: impl Handler<S>) -> MethodRouter {
    MethodRouter::default().on(method, handler)
}

/// Answers GET, and HEAD.
pub fn get<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::GET, handler)
}

/// Answers POST.
pub fn post<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::POST, handler)
}

/// Answers PUT.
pub fn put<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::PUT, handler)
}

/// Answers DELETE.
pub fn delete<S>(handler: impl Handler<S>) -> MethodRouter {
    on(Method::DELETE, handler)
}
