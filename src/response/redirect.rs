//! Answers that send the client elsewhere (RFC 9110 §15.4).

use super::Response;
use super::into::IntoResponse;
use http::{HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What no URI reference may hold; percent signs are left, since what is encoded stays so.
const NOT_IN_LOCATION: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Sends the client to another URI, absolute or relative to the request's. What a URI may not hold, such
/// as spaces, line breaks and letters beyond ASCII, is percent-encoded.
///
/// ```
/// use headwater::{Redirect, Request, Router, routing::post};
///
/// let app = Router::new().route("/login", post(|| Redirect::to("/home")));
/// let answer = app.call_blocking(Request::post("/login").body("")?);
/// assert_eq!(answer.status(), 303);
/// assert_eq!(answer.headers().get("location").unwrap(), "/home");
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Redirect {
    status: StatusCode,
    location: String,
}

impl Redirect {
    /// 303: the client is to GET that, whatever it has asked.
    pub fn to(uri: impl AsRef<str>) -> Self {
        Self::new(StatusCode::SEE_OTHER, uri.as_ref())
    }

    /// 307: the client is to ask the same there, this time.
    ///
    /// ```
    /// use headwater::{Redirect, Request, Router, routing::post};
    ///
    /// // For as long as the shop is elsewhere, orders are posted there.
    /// let orders = post(|| Redirect::temporary("https://shop.example.com/orders"));
    /// let app = Router::new().route("/orders", orders);
    /// assert_eq!(app.call_blocking(Request::post("/orders").body("")?).status(), 307);
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn temporary(uri: impl AsRef<str>) -> Self {
        Self::new(StatusCode::TEMPORARY_REDIRECT, uri.as_ref())
    }

    /// 308: the client is to ask the same there, and from now on. Browsers remember it for long.
    ///
    /// ```
    /// use headwater::{Redirect, Request, Router, extract::Path, routing::any};
    ///
    /// let moved = |Path(page): Path<String>| Redirect::permanent(format!("/blog/{page}"));
    /// let app = Router::new().route("/weblog/{*page}", any(moved));
    /// let answer = app.call_blocking(Request::get("/weblog/caf%C3%A9").body("")?);
    /// assert_eq!(answer.status(), 308);
    /// assert_eq!(answer.headers().get("location").unwrap(), "/blog/caf%C3%A9");
    /// # Ok::<(), headwater::http::Error>(())
    /// ```
    pub fn permanent(uri: impl AsRef<str>) -> Self {
        Self::new(StatusCode::PERMANENT_REDIRECT, uri.as_ref())
    }

    fn new(status: StatusCode, uri: &str) -> Self {
        Self { status, location: utf8_percent_encode(uri, NOT_IN_LOCATION).to_string() }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        // Controls and bytes beyond ASCII are encoded.
        let location = HeaderValue::try_from(self.location).expect("visible ASCII");
        Response::new(self.status).header(header::LOCATION, location)
    }
}
