//! Answers from and to the types of the `http` crate.

use super::into::IntoResponse;
use super::{Content, Response};
use crate::headers::Headers;
use bytes::Bytes;
use http::HeaderMap;

impl From<http::Response<Bytes>> for Response {
    /// All but the version, which is the server's to say.
    fn from(response: http::Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let mut response = Self::new(parts.status).body(body);
        response.headers = Headers::from(parts.headers);
        response.extensions = parts.extensions;
        response
    }
}

impl IntoResponse for http::Response<Bytes> {
    fn into_response(self) -> Response {
        self.into()
    }
}

impl TryFrom<Response> for http::Response<Bytes> {
    type Error = Response;

    /// Gives an answer back that is not made of bytes, or has more headers than the 32,768 of a map.
    fn try_from(mut response: Response) -> Result<Self, Response> {
        let Some(bytes) = response.bytes() else { return Err(response) };
        let body = match &response.body.0 {
            Content::Bytes(bytes) => bytes.clone(),
            _ => Bytes::copy_from_slice(bytes),
        };
        let Ok(headers) = HeaderMap::try_from(response.headers.clone()) else {
            return Err(response);
        };
        let mut converted = Self::new(body);
        *converted.status_mut() = response.status;
        *converted.headers_mut() = headers;
        *converted.extensions_mut() = std::mem::take(&mut response.extensions);
        Ok(converted)
    }
}
