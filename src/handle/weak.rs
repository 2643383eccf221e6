//! A handle that does not keep its server running: for what the server itself holds, such as a page about
//! it. Nothing but the way back to a handle.

use super::{Running, ServerHandle};
use std::sync::{Arc, Weak};

/// None of a server that is gone, or not there yet.
#[derive(Default)]
pub(crate) struct WeakHandle(Weak<Running>);

impl WeakHandle {
    pub(crate) fn upgrade(&self) -> Option<ServerHandle> {
        self.0.upgrade().map(|running| ServerHandle { running })
    }
}

impl From<&ServerHandle> for WeakHandle {
    fn from(handle: &ServerHandle) -> Self {
        Self(Arc::downgrade(&handle.running))
    }
}
