//! Functions that get something beside their arguments which no request has, such as the stream that
//! they drive. Takes the arguments first, so that what is left is to be called with that.

use super::shape;
use crate::extract::{FromRequest, FromRequestParts, Needs};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use std::pin::Pin;
use std::sync::Arc;

/// A function or closure that takes up to seven arguments, as a [`Handler`](super::Handler) does, and after
/// them an `Extra` that is not of the request: a [`Client`](crate::sse::Client) in
/// [`sse::endpoint`](crate::sse::endpoint), a [`Responder`](crate::Responder) in
/// [`respond_later`](crate::respond_later). It returns nothing. `Shape` is inferred; a closure must name
/// the types of its arguments for that.
///
/// An argument that a request does not have is answered by its rejection, and the function not called.
///
/// ```
/// use headwater::sse::{self, Client, Event, StreamEndpoint};
/// use headwater::{HandlerWith, Router, extract::Path, routing::get};
/// use std::{pin::Pin, time::Duration};
///
/// /// All streams of this program have the same settings.
/// fn endpoint<S>(
///     handler: impl HandlerWith<Client, S, Output = Pin<Box<dyn Future<Output = ()>>>>,
/// ) -> StreamEndpoint {
///     sse::endpoint(handler).retry(Duration::from_secs(2)).cancel_on_disconnect(true)
/// }
///
/// async fn greet(Path(name): Path<String>, client: Client) {
///     // Whoever has left needs no greeting.
///     client.send(Event::data(format!("hello {name}"))).await.ok();
/// }
///
/// let app = Router::new().route("/greetings/{name}", get(endpoint(greet)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function whose last argument is `{Extra}`",
    label = "not a function of arguments and `{Extra}`",
    note = "it is `Send + Sync + 'static`, returns nothing, and a closure names the types of its arguments",
    note = "before the last, it takes up to seven arguments: all `FromRequestParts`, the last of them may be `FromRequest`"
)]
pub trait HandlerWith<Extra, Shape>: Send + Sync + 'static {
    /// Nothing, or a future of it.
    type Output;

    /// Says what the arguments need of the router.
    fn needs(needs: &mut Needs);

    /// Takes the arguments. What is left is to be called with the extra.
    ///
    /// # Errors
    /// The answer to a request that does not have them.
    fn take(
        self: Arc<Self>,
        request: Request,
    ) -> Result<impl FnOnce(Extra) -> Self::Output + 'static, Box<Response>>;
}

/// Of a future without an outcome, which stays on its core.
type Unit = Pin<Box<dyn Future<Output = ()>>>;

impl<F, Extra> HandlerWith<Extra, shape::Plain<()>> for F
where
    F: Fn(Extra) + Send + Sync + 'static,
    Extra: 'static,
{
    type Output = ();

    fn needs(_: &mut Needs) {}

    fn take(self: Arc<Self>, _: Request) -> Result<impl FnOnce(Extra) + 'static, Box<Response>> {
        Ok(move |extra| self(extra))
    }
}

impl<F, Extra> HandlerWith<Extra, shape::Async<()>> for F
where
    F: AsyncFn(Extra) + Send + Sync + 'static,
    Extra: 'static,
{
    type Output = Unit;

    fn needs(_: &mut Needs) {}

    fn take(
        self: Arc<Self>,
        _: Request,
    ) -> Result<impl FnOnce(Extra) -> Unit + 'static, Box<Response>> {
        Ok(move |extra| -> Unit { Box::pin(async move { self(extra).await }) })
    }
}

/// An argument, or the end with its rejection.
macro_rules! take {
    ($taken:expr) => {
        $taken.map_err(|rejection| Box::new(rejection.into_response()))?
    };
}

/// Functions of one number of arguments: a type, the way it is taken, and a name for each but the last.
macro_rules! handler_with {
    ($($part:ident $via:ident $name:ident),*) => {
        impl<F, Extra, $($part, $via,)* Last, Via>
            HandlerWith<Extra, shape::Plain<($($part, $via,)* Last, Via)>> for F
        where
            F: Fn($($part,)* Last, Extra) + Send + Sync + 'static,
            $($part: FromRequestParts<$via> + 'static,)*
            Last: FromRequest<Via> + 'static,
            Extra: 'static,
        {
            type Output = ();

            fn needs(needs: &mut Needs) {
                $($part::needs(needs);)*
                Last::needs(needs);
            }

            fn take(
                self: Arc<Self>,
                request: Request,
            ) -> Result<impl FnOnce(Extra) + 'static, Box<Response>> {
                $(let $name = take!($part::from_request_parts(&request));)*
                let last = take!(Last::from_request(request));
                Ok(move |extra| self($($name,)* last, extra))
            }
        }

        impl<F, Extra, $($part, $via,)* Last, Via>
            HandlerWith<Extra, shape::Async<($($part, $via,)* Last, Via)>> for F
        where
            F: AsyncFn($($part,)* Last, Extra) + Send + Sync + 'static,
            $($part: FromRequestParts<$via> + 'static,)*
            Last: FromRequest<Via> + 'static,
            Extra: 'static,
        {
            type Output = Unit;

            fn needs(needs: &mut Needs) {
                $($part::needs(needs);)*
                Last::needs(needs);
            }

            fn take(
                self: Arc<Self>,
                request: Request,
            ) -> Result<impl FnOnce(Extra) -> Unit + 'static, Box<Response>> {
                $(let $name = take!($part::from_request_parts(&request));)*
                let last = take!(Last::from_request(request));
                Ok(move |extra| -> Unit {
                    Box::pin(async move { self($($name,)* last, extra).await })
                })
            }
        }
    };
}

handler_with!();
handler_with!(A ViaA a);
handler_with!(A ViaA a, B ViaB b);
handler_with!(A ViaA a, B ViaB b, C ViaC c);
handler_with!(A ViaA a, B ViaB b, C ViaC c, D ViaD d);
handler_with!(A ViaA a, B ViaB b, C ViaC c, D ViaD d, E ViaE e);
handler_with!(A ViaA a, B ViaB b, C ViaC c, D ViaD d, E ViaE e, G ViaG g);
