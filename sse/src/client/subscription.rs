//! Membership of a client in a broker, as the handler that asked for it holds it. How a core keeps it is
//! in the fan-out.

use super::{Client, ClientShared, Command, Wish};
use crate::broker::BrokerShared;
use std::fmt;
use std::sync::Arc;

/// A client's membership in a broker. Dropping it ends the membership, unless the client has others
/// in the same broker, or the broker ended it already.
///
/// ```
/// use headwater_sse::{Broker, Client, Subscription};
///
/// /// A client that is in one room at a time.
/// struct Guest {
///     client: Client,
///     room: Option<Subscription>,
/// }
///
/// impl Guest {
///     fn enter(&mut self, room: &Broker) {
///         // The room before is left by that.
///         self.room = Some(room.subscribe(&self.client));
///     }
/// }
/// ```
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    client: Arc<ClientShared>,
    broker: Arc<BrokerShared>,
    number: u32,
}

impl Subscription {
    pub(super) fn new(client: Arc<ClientShared>, broker: Arc<BrokerShared>, position: u64) -> Self {
        let (number, stream) = (client.next_subscription(), client.stream);
        let wish = Wish::Subscribe { stream, broker: broker.clone(), position, number };
        client.home.post(Command(wish));
        Self { client, broker, number }
    }

    /// One that its core has begun.
    pub(crate) fn begun(client: &Client, broker: Arc<BrokerShared>, number: u32) -> Self {
        Self { client: client.shared.clone(), broker, number }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let (broker, number) = (self.broker.clone(), self.number);
        let wish = Wish::Unsubscribe { stream: self.client.stream, broker, number };
        self.client.home.post(Command(wish));
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("broker", &self.broker.name).finish_non_exhaustive()
    }
}
