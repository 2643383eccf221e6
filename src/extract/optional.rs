//! Arguments that a request need not have.

use super::{FromRequest, FromRequestParts, Needs, via};
use crate::request::Request;
use crate::response::IntoResponse;

/// What can be taken as `Option<Self>`. Absent and wrong are different: `None` is for the former only.
///
/// ```
/// use headwater::extract::{OptionalFromRequestParts, Rejection};
/// use headwater::{Request, Router, http::StatusCode, routing::get};
///
/// struct Version(u8);
///
/// impl OptionalFromRequestParts for Version {
///     type Rejection = Rejection;
///
///     fn from_request_parts(request: &Request) -> Result<Option<Self>, Rejection> {
///         match request.header("x-version") {
///             None => Ok(None),
///             Some(b"1") => Ok(Some(Self(1))),
///             Some(_) => Err(Rejection::new(StatusCode::BAD_REQUEST, "no such version")),
///         }
///     }
/// }
///
/// let show = |version: Option<Version>| version.map_or("any".into(), |Version(n)| n.to_string());
/// let app = Router::new().route("/", get(show));
/// assert_eq!(app.call_blocking(Request::get("/").body("")?).text(), Some("any"));
/// let wrong = Request::get("/").header("x-version", "9").body("")?;
/// assert_eq!(app.call_blocking(wrong).status(), 400);
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`Option<{Self}>` cannot be taken from a request",
    note = "implement `OptionalFromRequestParts` to say when it is `None`"
)]
pub trait OptionalFromRequestParts<Via = via::Itself>: Sized {
    /// The answer to a request that has it, but wrong.
    type Rejection: IntoResponse;

    /// Makes the argument; `None` where the request does not have it.
    ///
    /// # Errors
    /// The answer to a request that has it, but wrong.
    fn from_request_parts(request: &Request) -> Result<Option<Self>, Self::Rejection>;

    /// See [`FromRequestParts::needs`].
    fn needs(_needs: &mut Needs) {}
}

/// What uses the request up and can be taken as `Option<Self>`.
///
/// ```
/// use headwater::extract::{OptionalFromRequest, Rejection};
/// use headwater::{Request, Router, http::StatusCode, routing::post};
///
/// /// A list of numbers as the body.
/// struct Numbers(Vec<i64>);
///
/// impl OptionalFromRequest for Numbers {
///     type Rejection = Rejection;
///
///     fn from_request(request: Request) -> Result<Option<Self>, Rejection> {
///         let text = String::from_utf8_lossy(request.body());
///         if text.is_empty() {
///             return Ok(None);
///         }
///         let numbers = text.split(',').map(str::parse).collect::<Result<_, _>>();
///         let wrong = |_| Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, "not a list of numbers");
///         numbers.map(|numbers| Some(Self(numbers))).map_err(wrong)
///     }
/// }
///
/// let sum = |list: Option<Numbers>| list.map_or(0, |Numbers(all)| all.iter().sum()).to_string();
/// let app = Router::new().route("/sum", post(sum));
/// let ask = |body| app.call_blocking(Request::post("/sum").body(body).expect("a request"));
/// assert_eq!(ask("1,2,3").text(), Some("6"));
/// assert_eq!(ask("").text(), Some("0"));
/// assert_eq!(ask("many").status(), 422);
/// ```
#[diagnostic::on_unimplemented(
    message = "`Option<{Self}>` cannot be taken from a request",
    note = "implement `OptionalFromRequest` to say when it is `None`"
)]
pub trait OptionalFromRequest: Sized {
    /// The answer to a request that has it, but wrong.
    type Rejection: IntoResponse;

    /// Makes the argument; `None` where the request does not have it.
    ///
    /// # Errors
    /// The answer to a request that has it, but wrong.
    fn from_request(request: Request) -> Result<Option<Self>, Self::Rejection>;
}

impl<T, Via> FromRequestParts<Via> for Option<T>
where
    T: OptionalFromRequestParts<Via>,
{
    type Rejection = T::Rejection;

    fn from_request_parts(request: &Request) -> Result<Self, Self::Rejection> {
        T::from_request_parts(request)
    }

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }
}

impl<T: OptionalFromRequest> FromRequest for Option<T> {
    type Rejection = T::Rejection;

    fn from_request(request: Request) -> Result<Self, Self::Rejection> {
        T::from_request(request)
    }
}

impl<T, Via> FromRequestParts<Via> for Result<T, T::Rejection>
where
    T: FromRequestParts<Via>,
{
    type Rejection = std::convert::Infallible;

    fn from_request_parts(request: &Request) -> Result<Self, Self::Rejection> {
        Ok(T::from_request_parts(request))
    }

    fn needs(needs: &mut Needs) {
        T::needs(needs);
    }
}

impl<T: FromRequest> FromRequest for Result<T, T::Rejection> {
    type Rejection = std::convert::Infallible;

    fn from_request(request: Request) -> Result<Self, Self::Rejection> {
        Ok(T::from_request(request))
    }
}
