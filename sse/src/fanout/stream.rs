//! One event stream on this core: where it goes, what it is owed, what it subscribes to. At rest it
//! is this struct and nothing else. The rounds that feed it are in `round`.

use super::Framing;
use super::owed::Owed;
use crate::client::{ClientConfig, ClientShared};
use std::sync::Arc;

/// Names one stream of one [`super::Fanout`]. See the [crate's example](crate).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StreamId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Why a stream ended.
///
/// ```
/// use headwater_sse::Disconnect;
///
/// /// Under which name the end of a stream is counted.
/// fn label(why: Disconnect) -> &'static str {
///     match why {
///         Disconnect::ClientGone => "left",
///         Disconnect::Slow => "slow",
///         Disconnect::Failed => "failed",
///         _ => "ended",
///     }
/// }
/// # assert_eq!(label(Disconnect::Done), "ended");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Disconnect {
    /// The client left (FIN), or its connection broke.
    ClientGone,
    /// The handler returned, or closed the client.
    Done,
    /// Every broker that fed the stream was closed.
    BrokerClosed,
    /// The server drains.
    Drain,
    /// The client was too slow, and the policy says close.
    Slow,
    /// The handler failed: it panicked, or what it made cannot be sent.
    Failed,
    /// The stream has lived for as long as it may.
    Expired,
    /// The stream never began, because its request got another answer.
    Refused,
    /// The stream never began, because the server had no thread or no room for it.
    Overloaded,
}

impl std::error::Error for Disconnect {}

impl std::fmt::Display for Disconnect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ClientGone => "the client left",
            Self::Done => "the handler ended the stream",
            Self::BrokerClosed => "the broker was closed",
            Self::Drain => "the server drains",
            Self::Slow => "the client was too slow",
            Self::Failed => "the handler failed",
            Self::Expired => "the stream's time was over",
            Self::Refused => "the stream was refused",
            Self::Overloaded => "the server had no room for the stream",
        })
    }
}

/// The life of a stream, from its head to the last byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Open,
    /// No more events; what is owed and the terminal chunk still leave.
    Closing(Disconnect),
}

pub(super) struct Stream {
    pub(super) to: u64,
    pub(super) generation: u32,
    pub(super) framing: Framing,
    pub(super) life: Life,
    /// Whether the last attempt was refused room: wait for `writable`.
    pub(super) blocked: bool,
    /// Already in the flush queue.
    pub(super) queued: bool,
    /// In the batch of attempts that is being made.
    pub(super) in_batch: bool,
    pub(super) config: Arc<ClientConfig>,
    /// When bytes last left, in the owner's ticks.
    pub(super) last_sent: u32,
    pub(super) owed: Option<Box<Owed>>,
    pub(super) subscriptions: Subscriptions,
    pub(super) client: Option<Arc<ClientShared>>,
}

impl Stream {
    pub(super) fn owed(&mut self) -> &mut Owed {
        self.owed.get_or_insert_default()
    }
}

/// The number of a place in one of this core's tables.
pub(super) fn number(at: usize) -> u32 {
    // One entry per socket or per subscribed broker, of which far fewer than 2^32 fit into memory.
    u32::try_from(at).expect("a core holds fewer than 2^32 of anything")
}

/// Where a stream stands in a topic's lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) topic: u32,
    pub(super) position: u32,
    pub(super) list: List,
    /// How many times over the stream is subscribed: it leaves with the last.
    pub(super) times: u16,
    /// The first of its client's subscriptions that counts here. Earlier ones are over already.
    pub(super) first: u32,
    pub(super) asked: Asked,
}

/// What the broker's callback has to do with a subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// Nothing, or no more.
    No,
    /// It is being asked.
    Waiting,
    /// It said to drop the oldest, until the stream has caught up.
    DropOldest,
}

impl Place {
    pub(super) fn new(topic: u32, position: usize, list: List) -> Self {
        Self { topic, position: number(position), list, times: 1, first: 0, asked: Asked::No }
    }
}

/// Which of a topic's lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum List {
    /// Gets events.
    Live,
    /// Gets none until what it is owed has left.
    Dropping,
}

/// The topics of one stream. Nearly all streams have one, which costs no allocation.
#[derive(Default)]
pub(super) enum Subscriptions {
    #[default]
    None,
    One(Place),
    #[allow(clippy::box_collection, reason = "16 bytes less in each of many streams at rest")]
    Many(Box<Vec<Place>>),
}

impl Subscriptions {
    pub(super) fn as_slice(&self) -> &[Place] {
        match self {
            Self::None => &[],
            Self::One(place) => std::slice::from_ref(place),
            Self::Many(places) => places,
        }
    }

    pub(super) fn get_mut(&mut self, topic: u32) -> Option<&mut Place> {
        let places = match self {
            Self::None => &mut [],
            Self::One(place) => std::slice::from_mut(place),
            Self::Many(places) => places.as_mut_slice(),
        };
        places.iter_mut().find(|place| place.topic == topic)
    }

    pub(super) fn find(&self, topic: u32) -> Option<Place> {
        self.as_slice().iter().find(|place| place.topic == topic).copied()
    }

    pub(super) fn push(&mut self, place: Place) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(place),
            Self::One(first) => Self::Many(Box::new(vec![first, place])),
            Self::Many(mut places) => {
                places.push(place);
                Self::Many(places)
            }
        };
    }

    pub(super) fn remove(&mut self, topic: u32) {
        *self = match std::mem::take(self) {
            Self::One(place) if place.topic != topic => Self::One(place),
            Self::Many(mut places) => {
                // From the back: that is where `unsubscribe_all` takes them.
                if let Some(at) = places.iter().rposition(|place| place.topic == topic) {
                    places.swap_remove(at);
                }
                if places.is_empty() { Self::None } else { Self::Many(places) }
            }
            _ => Self::None,
        };
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::fanout::topic::Live;

    #[test]
    fn a_subscriber_at_rest_is_one_cache_line_and_twelve_bytes() {
        assert_eq!((size_of::<Stream>(), size_of::<Live>()), (64, 12));
        // In the table they are in, too.
        assert_eq!(size_of::<Option<Stream>>(), 64);
    }
}
