//! The body as it is, and the whole request.

use super::{FromRequest, Rejection};
use crate::request::Request;
use bytes::Bytes;
use std::convert::Infallible;

impl FromRequest for Request {
    type Rejection = Infallible;

    fn from_request(request: Request) -> Result<Self, Infallible> {
        Ok(request)
    }
}

impl FromRequest for Bytes {
    type Rejection = Infallible;

    fn from_request(request: Request) -> Result<Self, Infallible> {
        Ok(request.into_body())
    }
}

impl FromRequest for String {
    type Rejection = Rejection;

    /// 400 if the body is not UTF-8, whatever charset its content type names.
    fn from_request(request: Request) -> Result<Self, Rejection> {
        String::from_utf8(request.into_body().into())
            .map_err(|_| Rejection::bad_request("the body is not UTF-8"))
    }
}
