//! The call of `on_disconnect`, once per stream however it ends: made when this is dropped, and it is owned
//! by whoever has the stream at the time.

use super::{Client, Disconnect};
use crate::guard::guard;
use crate::task;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(crate) type OnDisconnect = dyn Fn(&Client, Disconnect) + Send + Sync;

/// Owned by a stream that was admitted. Dropped after the client has learned of its end.
pub(crate) struct Farewell {
    hook: Arc<OnDisconnect>,
    client: Client,
}

impl Farewell {
    pub(crate) fn new(hook: Arc<OnDisconnect>, client: Client) -> Self {
        Self { hook, client }
    }

    /// Why the stream ended.
    fn why(&self) -> Disconnect {
        match pin!(self.client.closed()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(why) => why,
            // Where it was held is being worked with just now: its end comes next.
            Poll::Pending => Disconnect::Refused,
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let why = self.why();
        if guard(|| (self.hook)(&self.client, why)).is_err() {
            task::count_panic();
        }
    }
}
