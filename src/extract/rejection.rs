//! The answer to a request that does not have what a handler takes.

use crate::response::{IntoResponse, Response};
use http::StatusCode;
use std::borrow::Cow;
use std::fmt;

/// Why an argument could not be taken: a status and one line of text, which is what the client gets.
///
/// ```
/// use headwater::{Request, Router, extract::{Path, Rejection}, routing::get};
///
/// async fn show(id: Result<Path<u32>, Rejection>) -> String {
///     match id {
///         Ok(Path(id)) => format!("number {id}"),
///         Err(rejection) => format!("no number: {rejection}"),
///     }
/// }
///
/// let app = Router::new().route("/{id}", get(show));
/// let answer = app.call_blocking(Request::get("/seven").body("")?);
/// assert_eq!(answer.text(), Some("no number: path parameter `id`: invalid digit found in string"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    status: StatusCode,
    text: Cow<'static, str>,
}

impl Rejection {
    /// A rejection with this status; the text says to the client what is wrong.
    pub fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into() }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// The program does not give what its handler takes.
    pub(crate) fn internal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Rejection {}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        Response::plain(self.status, format!("{}\n", self.text))
    }
}
