//! Which requests ready-made middleware leaves alone.

use super::{Layer, Next};
use crate::handler::Reply;
use crate::request::Request;
use std::sync::Arc;

type Predicate = dyn Fn(&Request) -> bool + Send + Sync;

#[derive(Clone, Default)]
pub(crate) struct Skip {
    paths: Vec<String>,
    predicates: Vec<Arc<Predicate>>,
}

impl Skip {
    pub(crate) fn add(&mut self, predicate: impl Fn(&Request) -> bool + Send + Sync + 'static) {
        self.predicates.push(Arc::new(predicate));
    }

    pub(crate) fn add_paths(&mut self, paths: impl IntoIterator<Item = impl Into<String>>) {
        self.paths.extend(paths.into_iter().map(Into::into));
    }

    pub(crate) fn applies(&self, request: &Request) -> bool {
        self.paths.iter().any(|path| path == request.path())
            || self.predicates.iter().any(|predicate| predicate(request))
    }

    /// Middleware for the other requests.
    pub(super) fn layer(
        self,
        wrap: impl Fn(Request, Next) -> Reply + Send + Sync + 'static,
    ) -> Layer {
        Layer::new(
            move |request, next| {
                if self.applies(&request) { next.answer(request) } else { wrap(request, next) }
            },
        )
    }
}

/// The methods that each ready-made middleware has for that.
macro_rules! skippable {
    ($middleware:ident, $new:literal) => {
        impl $middleware {
            /// Leaves requests alone of which this is true, beside those skipped before.
            ///
            /// ```
            #[doc = concat!("use headwater::middleware::", stringify!($middleware), ";")]
            /// use headwater::{Request, Router};
            ///
            /// let is_probe = |request: &Request| request.header("x-probe").is_some();
            #[doc = concat!("let app = Router::new().with(", $new, ".skip(is_probe));")]
            /// ```
            pub fn skip(
                mut self,
                predicate: impl Fn(&crate::Request) -> bool + Send + Sync + 'static,
            ) -> Self {
                self.skip.add(predicate);
                self
            }

            /// Leaves requests with exactly one of these paths alone, as they are sent: not decoded,
            /// without the query.
            ///
            /// ```
            #[doc = concat!("use headwater::middleware::", stringify!($middleware), ";")]
            /// use headwater::Router;
            ///
            #[doc = concat!("let quiet = ", $new, ".skip_paths([\"/health\", \"/metrics\"]);")]
            /// let app = Router::new().with(quiet);
            /// ```
            pub fn skip_paths(
                mut self,
                paths: impl IntoIterator<Item = impl Into<String>>,
            ) -> Self {
                self.skip.add_paths(paths);
                self
            }
        }
    };
}

pub(super) use skippable;
