//! Looks for handlers that need what their router does not have, before the first request does.

use super::Router;
use super::scope::{self, Scope};
use crate::extract::Needs;

impl Router {
    /// Whether every handler has what it needs; if not, which one lacks what.
    pub(crate) fn check(&self) -> Result<(), String> {
        for route in &self.routes {
            let params = route.names.as_ref().map_or(0, |names| names.len());
            for (method, needs) in route.methods.needs() {
                let what = format_args!("{method} {}", route.pattern);
                lacks(needs, &self.scopes[route.scope], params)
                    .map_or(Ok(()), |lack| Err(format!("the handler of {what} {lack}")))?;
            }
        }
        for at in 0..self.scopes.len() {
            let Some((fallback, owner)) = scope::fallback_of(&self.scopes, at) else { continue };
            lacks(fallback.needs(), owner, 0)
                .map_or(Ok(()), |lack| Err(format!("the fallback {lack}")))?;
        }
        // Somebody else may have found the same at the same time.
        self.checked.set(()).ok();
        Ok(())
    }
}

fn lacks(needs: &Needs, scope: &Scope, params: usize) -> Option<String> {
    let has = |wanted| scope.reach.as_ref().is_some_and(|states| states.has(wanted));
    if let Some((_, name)) = needs.states().iter().find(|(wanted, _)| !has(*wanted)) {
        return Some(format!("takes State<{name}>, which no state() of its router gives"));
    }
    let wanted = needs
        .wanted_params()
        .iter()
        .find(|wanted| wanted.count != params && !(wanted.optional && params == 0))?;
    Some(format!("takes {} parameters of the path, which has {params}", wanted.count))
}
