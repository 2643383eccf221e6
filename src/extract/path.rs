//! The parameters of a route, as types.

use super::via::{Itself, Parsed};
use super::{FromRequestParts, Needs, OptionalFromRequestParts, Rejection};
use crate::request::Request;
use std::fmt::Display;
use std::str::FromStr;

/// The parameters of the route, percent-decoded and parsed: one of any type that is [`FromStr`], or a
/// tuple of up to eight such in the order of the path, those of prefixes first.
///
/// A parameter that cannot be parsed is answered 400, and the text names it; take
/// `Result<Path<T>, Rejection>` where 404 is right. That there are as many parameters as the handler takes
/// is checked before the first request. `Option<Path<T>>` is `None` on a route without parameters.
///
/// ```
/// use headwater::{Request, Router, extract::Path, http::StatusCode, routing::get};
///
/// async fn show(Path((user, post)): Path<(String, u64)>) -> String {
///     format!("post {post} of {user}")
/// }
///
/// let app = Router::new().route("/{user}/posts/{post}", get(show));
/// let answer = app.call_blocking(Request::get("/j%C3%B8rgen/posts/7").body("")?);
/// assert_eq!(answer.text(), Some("post 7 of jørgen"));
/// let answer = app.call_blocking(Request::get("/ada/posts/last").body("")?);
/// assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: FromStr<Err: Display>> FromRequestParts<Parsed> for Path<T> {
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
        let mut params = exactly(1, request)?;
        parse(&mut params).map(Self)
    }

    fn needs(needs: &mut Needs) {
        needs.params(1);
    }
}

impl<T, Via> OptionalFromRequestParts<Via> for Path<T>
where
    Path<T>: FromRequestParts<Via, Rejection = Rejection>,
{
    type Rejection = Rejection;

    fn from_request_parts(request: &Request) -> Result<Option<Self>, Rejection> {
        if request.params().len() == 0 {
            return Ok(None);
        }
        <Self as FromRequestParts<Via>>::from_request_parts(request).map(Some)
    }

    fn needs(needs: &mut Needs) {
        needs.optional(<Self as FromRequestParts<Via>>::needs);
    }
}

macro_rules! tuples {
    ($($count:literal $($part:ident)*;)*) => {$(
        impl<$($part: FromStr<Err: Display>),*> FromRequestParts<Itself> for Path<($($part,)*)> {
            type Rejection = Rejection;

            fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
                let mut params = exactly($count, request)?;
                Ok(Self(($(parse::<$part>(&mut params)?,)*)))
            }

            fn needs(needs: &mut Needs) {
                needs.params($count);
            }
        }
    )*};
}

tuples! {
    1 A;
    2 A B;
    3 A B C;
    4 A B C D;
    5 A B C D E;
    6 A B C D E F;
    7 A B C D E F G;
    8 A B C D E F G H;
}

fn exactly(
    count: usize,
    request: &Request,
) -> Result<impl Iterator<Item = (&str, &str)>, Rejection> {
    let params = request.params();
    if params.len() == count {
        return Ok(params);
    }
    // Only within an argument of somebody's own that does not pass `needs` on.
    let there = params.len();
    Err(Rejection::internal(format!("{count} parameters of the path are taken, it has {there}")))
}

fn parse<'a, T: FromStr<Err: Display>>(
    params: &mut impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<T, Rejection> {
    let (name, value) = params.next().expect("counted before");
    value
        .parse()
        .map_err(|error| Rejection::bad_request(format!("path parameter `{name}`: {error}")))
}
