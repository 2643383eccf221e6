//! Bodies as browsers send forms.

use super::{FromRequest, OptionalFromRequest, Rejection};
use crate::request::Request;
use http::StatusCode;
use serde::de::DeserializeOwned;

/// The body, decoded as browsers encode forms (WHATWG URL §5.1). A form that is sent by GET is in the
/// target: take [`Query`](super::Query) there.
///
/// 415 if the content type is not `application/x-www-form-urlencoded`, 422 if the fields do not fit the
/// type. Fields that come several times fill a sequence. `Option` is `None` where there is neither a content
/// type nor a body.
///
/// ```
/// use headwater::{Request, Router, extract::Form, routing::post};
///
/// let join = |Form(fields): Form<Vec<(String, String)>>| fields[0].1.clone();
/// let app = Router::new().route("/", post(join));
/// let kind = "application/x-www-form-urlencoded";
/// let request = Request::post("/").header("content-type", kind).body("name=a+b")?;
/// assert_eq!(app.call_blocking(request).text(), Some("a b"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Form<T> {
    type Rejection = Rejection;

    fn from_request(request: Request) -> Result<Self, Rejection> {
        let kind = request.header("content-type").and_then(super::essence);
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        {
            let text = "the content type is not application/x-www-form-urlencoded";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        serde_html_form::from_bytes(request.body()).map(Self).map_err(|error| {
            Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, format!("form: {error}"))
        })
    }
}

impl<T: DeserializeOwned> OptionalFromRequest for Form<T> {
    type Rejection = Rejection;

    fn from_request(request: Request) -> Result<Option<Self>, Rejection> {
        if request.header("content-type").is_none() && request.body().is_empty() {
            return Ok(None);
        }
        <Self as FromRequest>::from_request(request).map(Some)
    }
}
