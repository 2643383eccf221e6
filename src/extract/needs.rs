//! What handlers need of their router, so that it can be checked before the first request.

use std::any::{Any, TypeId, type_name};

/// What a handler needs of its router. A handler that lacks something is refused by
/// [`serve`](crate::ServerBuilder::serve), and panics in [`Router::call`](crate::Router::call).
///
/// ```
/// use headwater::extract::{FromRequestParts, Needs, Rejection, State};
/// use headwater::{Request, Router, Server, routing::get};
///
/// /// An argument made of another one passes on what that needs.
/// struct Shout(String);
///
/// impl FromRequestParts for Shout {
///     type Rejection = Rejection;
///
///     fn from_request_parts(request: &Request) -> Result<Self, Rejection> {
///         let State(text) = State::<&str>::from_request_parts(request)?;
///         Ok(Self(text.to_uppercase()))
///     }
///
///     fn needs(needs: &mut Needs) {
///         State::<&str>::needs(needs);
///     }
/// }
///
/// let app = Router::new().route("/", get(|Shout(text): Shout| text));
/// let refused = Server::builder().bind("127.0.0.1:0").serve(app).unwrap_err();
/// assert!(refused.to_string().contains("the handler of GET / takes State<&str>"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Needs {
    states: Vec<(TypeId, &'static str)>,
    params: Vec<Wanted>,
}

/// Parameters of the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) count: usize,
    pub(crate) optional: bool,
}

impl Needs {
    /// A [state](crate::Router::state) of this type.
    pub fn state<T: Any>(&mut self) {
        self.states.push((TypeId::of::<T>(), type_name::<T>()));
    }

    /// A path with as many parameters.
    pub fn params(&mut self, count: usize) {
        self.params.push(Wanted { count, optional: false });
    }

    /// From here on, `within` only if there is any.
    pub(crate) fn optional(&mut self, within: impl FnOnce(&mut Self)) {
        let mut needs = Self::default();
        within(&mut needs);
        self.states.append(&mut needs.states);
        self.params.extend(needs.params.iter().map(|wanted| Wanted { optional: true, ..*wanted }));
    }

    /// All of another handler's needs, too.
    pub(crate) fn join(&mut self, other: &Self) {
        self.states.extend_from_slice(&other.states);
        self.params.extend_from_slice(&other.params);
    }

    pub(crate) fn states(&self) -> &[(TypeId, &'static str)] {
        &self.states
    }

    pub(crate) fn wanted_params(&self) -> &[Wanted] {
        &self.params
    }
}
