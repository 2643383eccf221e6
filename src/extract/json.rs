//! JSON in bodies, both ways.

use super::{FromRequest, OptionalFromRequest, Rejection};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A value as JSON (RFC 8259): as an argument it is read from the body, as an answer written to it.
///
/// A request is answered 415 if its content type is not `application/json` or ends in `+json`, 400 if its
/// body is not JSON, and 422 if that does not fit the type. `Option` is `None` where there is neither a
/// content type nor a body. An answer that cannot be written as JSON is a 500.
///
/// ```
/// use headwater::{Request, Router, extract::Json, routing::post};
///
/// let sum = |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>());
/// let app = Router::new().route("/sum", post(sum));
/// let request = Request::post("/sum").header("content-type", "application/json").body("[1, 2]")?;
/// assert_eq!(app.call_blocking(request).text(), Some("3"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Rejection = Rejection;

    fn from_request(request: Request) -> Result<Self, Rejection> {
        if !is_json(request.header("content-type").unwrap_or_default()) {
            let text = "the content type is not application/json";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        serde_json::from_slice(request.body()).map(Self).map_err(|error| {
            let status = match error.classify() {
                Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
            };
            Rejection::new(status, format!("JSON: {error}"))
        })
    }
}

impl<T: DeserializeOwned> OptionalFromRequest for Json<T> {
    type Rejection = Rejection;

    fn from_request(request: Request) -> Result<Option<Self>, Rejection> {
        if request.header("content-type").is_none() && request.body().is_empty() {
            return Ok(None);
        }
        <Self as FromRequest>::from_request(request).map(Some)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => {
                Response::typed(const { HeaderValue::from_static("application/json") }, text.into())
            }
            Err(error) => {
                let text = format!("the answer cannot be written as JSON: {error}");
                Rejection::internal(text).into_response()
            }
        }
    }
}

/// `application/json`, or any type with the suffix `+json` (RFC 6839 §3.1), whatever its parameters.
fn is_json(content_type: &[u8]) -> bool {
    let Some(essence) = super::essence(content_type) else { return false };
    let suffixed = || {
        let at = essence.len().checked_sub("+json".len());
        at.is_some_and(|at| at > 0 && essence.as_bytes()[at..].eq_ignore_ascii_case(b"+json"))
    };
    essence.eq_ignore_ascii_case("application/json") || suffixed()
}
