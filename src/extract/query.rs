//! The query of the target, decoded.

use super::{FromRequestParts, OptionalFromRequestParts};
#[cfg(feature = "serde")]
use super::{Rejection, via::Parsed};
use crate::request::Request;
use std::convert::Infallible;

/// The query of the target, decoded as browsers encode forms (WHATWG URL §5.1): pairs by default, or with
/// the feature `serde` any type of yours. `Option` is `None` where there is no `?`.
///
/// Decoding never fails: what is not well encoded stays as it is, and bytes that are not UTF-8 are
/// replaced. A query that does not fit the type is answered 400. Keys that come several times fill a
/// sequence.
///
/// ```
/// use headwater::{Request, Router, extract::Query, routing::get};
///
/// let app = Router::new()
///     .route("/", get(|Query(query): Query| query.get("q").unwrap_or("nothing").to_owned()));
/// let answer = app.call_blocking(Request::get("/?q=a+b%26c").body("")?);
/// assert_eq!(answer.text(), Some("a b&c"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T = Pairs>(pub T);

/// Decoded names and values, in order.
///
/// ```
/// use headwater::{Request, Router, extract::{Pairs, Query}, routing::get};
///
/// fn tags(Query(query): Query<Pairs>) -> String {
///     let tags = query.iter().filter(|(name, _)| *name == "tag").map(|(_, tag)| tag);
///     tags.collect::<Vec<_>>().join(" and ")
/// }
///
/// let app = Router::new().route("/", get(tags));
/// let answer = app.call_blocking(Request::get("/?tag=red&page=2&tag=blue").body("")?);
/// assert_eq!(answer.text(), Some("red and blue"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl From<Pairs> for Vec<(String, String)> {
    fn from(pairs: Pairs) -> Self {
        pairs.0
    }
}

impl FromRequestParts for Query<Pairs> {
    type Rejection = Infallible;

    fn from_request_parts(request: &Request) -> Result<Self, Infallible> {
        let pairs = form_urlencoded::parse(request.query().unwrap_or_default().as_bytes());
        Ok(Self(Pairs(pairs.into_owned().collect())))
    }
}

#[cfg(feature = "serde")]
impl<T: serde::de::DeserializeOwned> FromRequestParts<Parsed> for Query<T> {
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        serde_html_form::from_str(request.query().unwrap_or_default())
            .map(Self)
            .map_err(|error| Rejection::bad_request(format!("query: {error}")))
    }
}

impl<T, Via> OptionalFromRequestParts<Via> for Query<T>
where
    Query<T>: FromRequestParts<Via>,
{
    type Rejection = <Self as FromRequestParts<Via>>::Rejection;

    fn from_request_parts(request: &Request) -> Result<Option<Self>, Self::Rejection> {
        if request.query().is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<Via>>::from_request_parts(request).map(Some)
    }
}
