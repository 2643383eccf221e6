//! Arguments that a request need not have.

use super::{FromRequest, FromRequestParts, Needs, via};
use crate::request::Request;
use crate::response::IntoResponse;

/// What can be taken as `Option<Self>`.
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
