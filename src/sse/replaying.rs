//! Streams whose clients' own events are kept: what a client missed comes before its handler, and what the
//! store has of it before the end.

use super::replay::{Scope, StoreError};
use super::resuming::{ended_by, tell_unknown};
use super::{Client, ClientReplay, Disconnect, Settings, StreamHandler};
use crate::request::Request;
use headwater_sse::ResumeError;
use std::sync::Arc;

/// A store for clients' own events, and the scope of the client that makes a request, if it has one.
#[derive(Clone)]
pub(crate) struct ReplayOf {
    replay: ClientReplay,
    scope: Arc<ScopeOf>,
}

type ScopeOf = dyn Fn(&Request) -> Option<Scope> + Send + Sync;

impl ReplayOf {
    pub(super) fn new<S: Into<Option<Scope>>>(
        replay: ClientReplay,
        scope: impl Fn(&Request) -> S + Send + Sync + 'static,
    ) -> Self {
        Self { replay, scope: Arc::new(move |request| scope(request).into()) }
    }

    /// Where the events of the client are kept that makes a request, if they are.
    pub(super) fn of(&self, request: &Request) -> Option<Replaying> {
        Some(Replaying { replay: self.replay.clone(), scope: (self.scope)(request)? })
    }
}

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

/// The methods of those whose clients' own events may be kept.
macro_rules! keeping {
    ($handler:ty) => {
        impl $handler {
            /// Keeps what each client is sent itself in a store, and gives a client that comes back with a
            /// `Last-Event-ID` what it missed, before its handler runs: see [`ClientReplay`]. Takes one, or a
            /// store.
            ///
            /// `scope` says whose events they are, such as a user's; no client is given those of another
            /// scope. It must come from what is known of the request for sure, an authenticated user for
            /// example, and not from what the client claims. With `None` the client's events are not kept.
            ///
            /// A client that is new, or whose id the store does not know
            /// ([`unknown_id_notice`](Self::unknown_id_notice)), is first sent the id where it begins, so
            /// that it can come back from then on; [`Client::last_event_id`] says which id it came with. What
            /// `on_connect` sends comes first of all, is not kept, and has no ids. While the store cannot be
            /// asked, the stream ends ([`Failed`](crate::sse::Disconnect::Failed)), and the client tries again.
            /// Where a client leaves before it has what it missed, the handler does not run.
            ///
            /// ```
            /// use headwater::sse::{self, Client, Event, replay::{RingBuffer, Scope}};
            /// use headwater::{Request, Router, routing::get};
            /// use std::sync::Arc;
            ///
            /// /// Put into each request by what authenticates it.
            /// struct User(String);
            ///
            /// async fn work(client: Client) {
            ///     for step in ["begun", "half done", "done"] {
            ///         if client.send(Event::data(step)).await.is_err() {
            ///             return;
            ///         }
            ///     }
            /// }
            ///
            /// let store = Arc::new(RingBuffer::new(1000));
            /// let of_user =
            ///     |request: &Request| request.extensions().get::<User>().map(|user| Scope::user(&user.0));
            /// let app = Router::new().route("/work", get(sse::endpoint(work).replay(store, of_user)));
            /// # assert!(app.call_blocking(Request::get("/work").body("")?).is_event_stream());
            /// # Ok::<(), headwater::http::Error>(())
            /// ```
            ///
            /// [`ClientReplay`]: crate::sse::ClientReplay
            /// [`Client::last_event_id`]: crate::sse::Client::last_event_id
            pub fn replay<S: Into<Option<crate::sse::replay::Scope>>>(
                mut self,
                replay: impl Into<crate::sse::ClientReplay>,
                scope: impl Fn(&crate::Request) -> S + Send + Sync + 'static,
            ) -> Self {
                let replay = crate::sse::replaying::ReplayOf::new(replay.into(), scope);
                self.settings.replay = Some(replay);
                self
            }
        }
    };
}

pub(super) use keeping;
