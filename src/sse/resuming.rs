//! Gives a client of a feed what it missed, where that cannot be done at once, and says why its stream ends
//! if it has to.

use super::{Broker, Client, Disconnect, Event, EventId, Settings};
use headwater_sse::replay::{StoreError, UnknownId};
use headwater_sse::{Follow, ResumeError, Resumed, SubscribeError};
use std::sync::Arc;

/// Goes on from what came of the first step. `None` where the stream goes on, or has ended.
pub(crate) async fn resume(
    client: Client,
    broker: Broker,
    first: Resumed,
    settings: Arc<Settings>,
) -> Option<Disconnect> {
    let outcome = match first {
        Resumed::Rest(follow) => follow.run().await,
        Resumed::Unknown(error) => Err(ResumeError::Store(error)),
        Resumed::Refused(error) => Err(ResumeError::Subscribe(error)),
        _ => Ok(()),
    };
    let outcome = match outcome {
        Err(ResumeError::Store(StoreError::Unknown { id, why, .. })) => {
            tell_unknown(&client, &id, why, &settings).await;
            Follow::begin(&client, &broker, None).run().await
        }
        outcome => outcome,
    };
    outcome.err().and_then(|error| ended_by(&error))
}

/// Tells a client that the id is unknown with which it came back, if that is wanted. One that has left is
/// found out by whoever goes on with it.
pub(super) async fn tell_unknown(
    client: &Client,
    id: &EventId,
    why: UnknownId,
    settings: &Settings,
) {
    if let Some(name) = &settings.unknown_id_notice {
        let notice = Event::data(format!("{}\n{id}", reason(why))).event(&**name);
        client.send(notice).await.ok();
    }
}

/// Why a stream ends whose client cannot be given what it missed; `None` where it has ended.
pub(super) fn ended_by(error: &ResumeError) -> Option<Disconnect> {
    match error {
        ResumeError::Flush(_) | ResumeError::Subscribe(SubscribeError::StreamOver) => None,
        ResumeError::Subscribe(SubscribeError::BrokerClosed) => Some(Disconnect::BrokerClosed),
        // The client comes back with the last id that it got.
        _ => Some(Disconnect::Failed),
    }
}

fn reason(why: UnknownId) -> &'static str {
    match why {
        UnknownId::Malformed => "malformed",
        UnknownId::AgedOut => "aged-out",
        UnknownId::NeverRecorded => "never-recorded",
        UnknownId::Future => "future",
        _ => "unknown",
    }
}
