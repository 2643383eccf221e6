//! Answers from and to the types of the `http` crate. A body that comes in pieces stays one where the
//! other side's body is [`Body`].

use super::Response;
use super::into::IntoResponse;
use crate::body::{Body, Content};
use crate::headers::Headers;
use bytes::Bytes;
use http::HeaderMap;

impl<B: Into<Body>> From<http::Response<B>> for Response {
    /// All but the version, which is the server's to say.
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let mut response = Self::new(parts.status).body(body);
        response.headers = Headers::from(parts.headers);
        response.extensions = parts.extensions;
        response
    }
}

impl<B: Into<Body>> IntoResponse for http::Response<B> {
    fn into_response(self) -> Response {
        self.into()
    }
}

impl TryFrom<Response> for http::Response<Bytes> {
    type Error = Response;

    /// Gives an answer back whose bytes are not here ([`Response::into_bytes`] waits for those that come in
    /// pieces), or that has more headers than the 32,768 of a map.
    fn try_from(mut response: Response) -> Result<Self, Response> {
        let bytes = match std::mem::take(&mut response.body.0) {
            Content::Empty => Bytes::new(),
            Content::Bytes(bytes) => bytes,
            content => {
                response.body.0 = content;
                return Err(response);
            }
        };
        response.body = bytes.into();
        let whole = http::Response::<Body>::try_from(response)?;
        Ok(whole.map(|body| match body.0 {
            Content::Bytes(bytes) => bytes,
            _ => Bytes::new(),
        }))
    }
}

impl TryFrom<Response> for http::Response<Body> {
    type Error = Response;

    /// Gives an answer back that has more headers than the 32,768 of a map.
    fn try_from(mut response: Response) -> Result<Self, Response> {
        let Ok(headers) = HeaderMap::try_from(response.headers.clone()) else {
            return Err(response);
        };
        let mut converted = Self::new(std::mem::take(&mut response.body));
        *converted.status_mut() = response.status;
        *converted.headers_mut() = headers;
        *converted.extensions_mut() = std::mem::take(&mut response.extensions);
        Ok(converted)
    }
}
