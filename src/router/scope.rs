//! What belongs to one part of a router: its middleware, its state, its fallback, and what it takes over
//! from the part it is nested in.

use crate::handler::Endpoint;
use crate::middleware::Layer;
use std::any::{Any, TypeId};
use std::sync::Arc;

/// One router that was nested or merged, or the whole.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) parent: Option<usize>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) states: States,
    pub(crate) fallback: Option<Endpoint>,
    /// A scope that was merged into this one, and whose fallback it has taken over.
    pub(crate) delegate: Option<usize>,
    /// The middleware of the parents, outermost first, then its own.
    pub(crate) chain: Option<Arc<[Layer]>>,
    /// Its own state, then that of the parents. None if there is none.
    pub(crate) reach: Option<Arc<States>>,
}

impl Scope {
    pub(crate) fn has_fallback(&self) -> bool {
        self.fallback.is_some() || self.delegate.is_some()
    }
}

/// Values by type.
#[derive(Clone, Default)]
pub(crate) struct States(Vec<(TypeId, Arc<dyn Any + Send + Sync>)>);

impl States {
    pub(crate) fn set<T: Any + Send + Sync>(&mut self, value: T) {
        self.0.retain(|(known, _)| *known != TypeId::of::<T>());
        self.0.push((TypeId::of::<T>(), Arc::new(value)));
    }

    pub(crate) fn get<T: Any>(&self) -> Option<&T> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == TypeId::of::<T>())?;
        value.downcast_ref()
    }

    pub(crate) fn has(&self, wanted: TypeId) -> bool {
        self.0.iter().any(|(known, _)| *known == wanted)
    }
}

/// Works out what scopes take over from their parents, which stand before them.
pub(crate) fn resolve(scopes: &mut [Scope]) {
    for at in 0..scopes.len() {
        let (before, from) = scopes.split_at_mut(at);
        let scope = &mut from[0];
        let parent = scope.parent.map(|parent| &before[parent]);
        let outer = parent.and_then(|parent| parent.chain.as_deref()).unwrap_or_default();
        let chain: Arc<[Layer]> = outer.iter().chain(&scope.layers).cloned().collect();
        scope.chain = (!chain.is_empty()).then_some(chain);
        let mut reach = scope.states.clone();
        if let Some(outer) = parent.and_then(|parent| parent.reach.as_deref()) {
            // The first of a type is found.
            reach.0.extend(outer.0.iter().cloned());
        }
        scope.reach = (!reach.0.is_empty()).then(|| Arc::new(reach));
    }
}

/// The fallback nearest to a scope, and the scope that it belongs to.
pub(crate) fn fallback_of(scopes: &[Scope], mut at: usize) -> Option<(&Endpoint, &Scope)> {
    loop {
        let scope = &scopes[at];
        if let Some(fallback) = &scope.fallback {
            return Some((fallback, scope));
        }
        at = scope.delegate.or(scope.parent)?;
    }
}

/// The middleware on the way from a scope to the fallback nearest to it: the scope's own, then that of each
/// merged part the way leads through, so that no fallback runs without what guards it.
pub(crate) fn chain_to_fallback(scopes: &[Scope], scope: usize) -> Option<Arc<[Layer]>> {
    let (mut brought, mut at) = (Vec::new(), scope);
    while scopes[at].fallback.is_none() {
        if let Some(merged) = scopes[at].delegate {
            brought.extend(scopes[merged].layers.iter().cloned());
        }
        let Some(next) = scopes[at].delegate.or(scopes[at].parent) else { break };
        at = next;
    }
    let own = &scopes[scope].chain;
    if brought.is_empty() {
        return own.clone();
    }
    Some(own.iter().flat_map(|chain| chain.iter().cloned()).chain(brought).collect())
}
