//! What handlers take: parts of a request, its body, and what their router has for them.
//!
//! | argument | what it is | refused with |
//! |---|---|---|
//! | [`Path<T>`](Path) | the route's parameters | 400 |
//! | [`Query`] | the decoded query | |
//! | `Query<T>` (feature `serde`) | the query as a type | 400 |
//! | [`State<T>`](State) | the router's state | |
//! | [`Extension<T>`](Extension) | what middleware has left | 500 |
//! | [`PeerAddr`] | the address of the peer | 500 |
//! | [`AssignedId`](crate::middleware::AssignedId) | the request's id | 500 |
//! | [`Method`](http::Method), [`HeaderMap`](http::HeaderMap) | as in the request | |
//! | [`Bytes`](bytes::Bytes) | the body | |
//! | [`String`] | the body | 400 |
//! | `Json<T>` (feature `json`) | the body | 415, 400, 422 |
//! | `Form<T>` (feature `serde`) | the body | 415, 422 |
//! | [`Request`] | everything | |
//!
//! Those that take the body, or everything, come last. `Option` is `None` where a request does not have
//! it at all; what is there and wrong is still refused. `Result<T, Rejection>` leaves that to the handler.
//!
//! ```
//! use headwater::extract::{Path, PeerAddr, Query, State};
//! use headwater::{Request, Router, routing::post};
//!
//! #[derive(Clone)]
//! struct Greeting(&'static str);
//!
//! fn greet(
//!     State(Greeting(greeting)): State<Greeting>,
//!     Path(name): Path<String>,
//!     Query(query): Query,
//!     peer: Option<PeerAddr>,
//!     message: String,
//! ) -> String {
//!     let title = query.get("title").unwrap_or("citizen");
//!     let from = peer.map_or("nowhere".to_owned(), |PeerAddr(addr)| addr.to_string());
//!     format!("{greeting}, {title} {name}: {message} (from {from})")
//! }
//!
//! let app = Router::new().route("/greet/{name}", post(greet)).state(Greeting("hello"));
//! let answer = app.call_blocking(Request::post("/greet/ada?title=countess").body("well done")?);
//! assert_eq!(answer.text(), Some("hello, countess ada: well done (from nowhere)"));
//! # Ok::<(), headwater::http::Error>(())
//! ```

mod body;
#[cfg(feature = "serde")]
mod form;
#[cfg(feature = "json")]
mod json;
mod needs;
mod optional;
mod parts;
mod path;
mod query;
mod rejection;
mod state;
#[cfg(test)]
mod tests;

#[cfg(feature = "serde")]
pub use form::Form;
#[cfg(feature = "json")]
pub use json::Json;
pub use needs::Needs;
pub use optional::{OptionalFromRequest, OptionalFromRequestParts};
pub use parts::{Extension, PeerAddr};
pub use path::Path;
pub use query::{Pairs, Query};
pub use rejection::Rejection;
pub use state::State;

use crate::request::Request;
use crate::response::IntoResponse;

/// Tells ways of taking the same argument apart. Always inferred.
pub mod via {
    use std::marker::PhantomData;

    /// By its own implementation.
    #[derive(Debug)]
    pub struct Itself;
    /// As parts, from a request that nobody needs any more.
    #[derive(Debug)]
    pub struct Parts<Via>(PhantomData<Via>);
    /// As a value that is parsed.
    #[derive(Debug)]
    pub struct Parsed;
}

/// An argument of handlers that is made from a request without using it up.
///
/// What must wait, such as a look into a database, belongs into middleware, which leaves the outcome in
/// the request's [extensions](Request::extensions_mut). `Via` is inferred.
///
/// ```
/// use headwater::extract::{FromRequestParts, Rejection};
/// use headwater::{Request, Router, http::StatusCode, routing::get};
///
/// struct Token(String);
///
/// impl FromRequestParts for Token {
///     type Rejection = Rejection;
///
///     fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
///         let token = request.header("x-token").and_then(|token| str::from_utf8(token).ok());
///         let token = token.ok_or(Rejection::new(StatusCode::UNAUTHORIZED, "no token"))?;
///         Ok(Self(token.to_owned()))
///     }
/// }
///
/// let app = Router::new().route("/", get(|Token(token): Token| token));
/// let answer = app.call_blocking(Request::get("/").body("")?);
/// assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a request without using it up",
    label = "not `FromRequestParts`",
    note = "the body, or the whole request, can be taken by the last argument only",
    note = "`Path<T>` needs `T: FromStr`, or a tuple of such; `Query<T>` and `Form<T>` need the feature `serde`"
)]
pub trait FromRequestParts<Via = via::Itself>: Sized {
    /// The answer to a request that does not have it.
    type Rejection: IntoResponse;

    /// Makes the argument.
    ///
    /// # Errors
    /// The answer to a request that does not have it.
    fn from_request_parts(request: &Request) -> Result<Self, Self::Rejection>;

    /// Says what it needs of the router, to be checked before the first request; nothing by default.
    fn needs(_needs: &mut Needs) {}
}

/// The last argument of handlers: all that is [`FromRequestParts`], or what uses the request up.
///
/// ```
/// use headwater::{Request, Router, extract::FromRequest, routing::post};
/// use std::convert::Infallible;
///
/// struct Length(usize);
///
/// impl FromRequest for Length {
///     type Rejection = Infallible;
///
///     fn from_request(request: Request) -> Result<Self, Infallible> {
///         Ok(Self(request.into_body().len()))
///     }
/// }
///
/// let app = Router::new().route("/", post(|Length(bytes): Length| bytes.to_string()));
/// assert_eq!(app.call_blocking(Request::post("/").body("four")?).text(), Some("4"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a request",
    label = "neither `FromRequest` nor `FromRequestParts`",
    note = "`Json<T>` needs the feature `json`, `Form<T>` the feature `serde`, and both `T: DeserializeOwned`"
)]
pub trait FromRequest<Via = via::Itself>: Sized {
    /// The answer to a request that does not have it.
    type Rejection: IntoResponse;

    /// Makes the argument.
    ///
    /// # Errors
    /// The answer to a request that does not have it.
    fn from_request(request: Request) -> Result<Self, Self::Rejection>;

    /// Says what it needs of the router, to be checked before the first request; nothing by default.
    fn needs(_needs: &mut Needs) {}
}

impl<T, Via> FromRequest<via::Parts<Via>> for T
where
    T: FromRequestParts<Via>,
{
    type Rejection = T::Rejection;

    fn from_request(request: Request) -> Result<Self, Self::Rejection> {
        T::from_request_parts(&request)
    }

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }
}

/// A media type without its parameters (RFC 9110 §8.3.1).
#[cfg(feature = "serde")]
fn essence(content_type: &[u8]) -> Option<&str> {
    let text = str::from_utf8(content_type).ok()?;
    text.split(';').next().map(str::trim)
}
