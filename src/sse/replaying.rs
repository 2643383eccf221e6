//! Streams whose clients' own events are kept: what a client missed comes before its handler, and what the
//! store has of it before the end.

use super::resuming::{ended_by, tell_unknown};
use super::{Client, ClientReplay, Disconnect, Settings, StreamHandler};
use crate::sse::replay::{Scope, StoreError};
use headwater_sse::ResumeError;
use std::sync::Arc;

/// Where a stream's events are kept, and whose they are.
#[derive(Clone)]
pub(crate) struct Replaying {
    pub(super) replay: ClientReplay,
    pub(super) scope: Scope,
}

impl Replaying {
    /// Before anybody else has a handle to the client.
    pub(crate) fn attach(&self, client: &Client) {
        self.replay.attach(client, self.scope.clone());
    }

    /// Drives a stream that has begun. `None` if it has ended by itself.
    pub(crate) async fn drive(
        self,
        client: Client,
        handler: StreamHandler,
        settings: Arc<Settings>,
    ) -> Option<Disconnect> {
        let last = client.last_event_id();
        let resumed = match self.replay.resume(&client, last).await {
            Err(ResumeError::Store(StoreError::Unknown { id, why, .. })) => {
                tell_unknown(&client, &id, why, &settings).await;
                self.replay.resume(&client, None).await
            }
            resumed => resumed,
        };
        if let Err(error) = resumed {
            return ended_by(&error);
        }
        handler(client.clone()).await;
        self.replay.finish(&client).await;
        Some(Disconnect::Done)
    }
}
