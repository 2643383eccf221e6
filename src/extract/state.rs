//! What all handlers of a router share.

use super::{FromRequestParts, Needs, Rejection};
use crate::request::Request;
use std::any::{Any, type_name};

/// A clone of the router's [state](crate::Router::state) of this type; large ones are best put into an
/// `Arc`. That a router has the state which its handlers take is checked before the first request.
///
/// ```should_panic
/// use headwater::{Request, Router, extract::State, routing::get};
///
/// let app = Router::new().route("/", get(|State(count): State<u32>| count.to_string()));
/// // The handler of GET / takes State<u32>, which no state() of its router gives.
/// app.call_blocking(Request::get("/").body("")?);
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<T>(pub T);

impl<T: Any + Clone + Send + Sync> FromRequestParts for State<T> {
    type Rejection = Rejection;

    /// 500 only within an argument of your own that does not pass `needs` on.
    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        request.state().cloned().map(Self).ok_or_else(|| {
            Rejection::internal(format!("the router has no state of type {}", type_name::<T>()))
        })
    }

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }
}
