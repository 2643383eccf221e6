//! The steps of a random script for the exact model, the brokers it runs on, and how likely each step is.

pub(super) use crate::fanout::tests::model::script::Settings;
use proptest::prelude::*;

/// What a broker does with slow subscribers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OnSlow {
    Drop,
    DropOldest,
    Remove,
    Close,
    Ask,
}

/// The settings of a broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) on_slow: OnSlow,
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) ids: bool,
}

const NO_LIMIT: usize = usize::MAX;

pub(super) const BROKERS: [Rules; 9] = [
    Rules { on_slow: OnSlow::Drop, events: 4, bytes: NO_LIMIT, ids: true },
    Rules { on_slow: OnSlow::Drop, events: 64, bytes: 3000, ids: false },
    Rules { on_slow: OnSlow::DropOldest, events: 3, bytes: NO_LIMIT, ids: true },
    Rules { on_slow: OnSlow::DropOldest, events: 64, bytes: 2500, ids: true },
    Rules { on_slow: OnSlow::Remove, events: 3, bytes: NO_LIMIT, ids: true },
    Rules { on_slow: OnSlow::Close, events: 3, bytes: NO_LIMIT, ids: true },
    Rules { on_slow: OnSlow::Ask, events: 3, bytes: NO_LIMIT, ids: true },
    Rules { on_slow: OnSlow::Ask, events: 64, bytes: 2000, ids: false },
    Rules { on_slow: OnSlow::Drop, events: 64, bytes: 1024 * 1024, ids: true },
];

#[derive(Clone, Debug)]
pub(super) enum Op {
    Publish { broker: usize, size: usize, own_id: bool, times: usize },
    Open { plain: bool, settings: Settings, broker: usize },
    Subscribe { peer: usize, broker: usize },
    Unsubscribe { peer: usize },
    Room { peer: usize, bytes: usize },
    Most { peer: usize, bytes: usize },
    Send { peer: usize, size: usize },
    Heartbeat { peer: usize },
    Answer { peer: usize, policy: OnSlow },
    Close { peer: usize },
    Gone { peer: usize },
    Break { peer: usize },
    CloseBroker { broker: usize },
    Turn,
}

/// Most steps concern one broker, whose subscribers differ then.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    (0..BROKERS.len()).prop_flat_map(|broker| prop::collection::vec(op(broker), 1..200))
}

fn op(favourite: usize) -> impl Strategy<Value = Op> {
    let (peer, broker) = (0..8usize, prop_oneof![4 => Just(favourite), 1 => 0..BROKERS.len()]);
    let size = prop_oneof![8 => 1..120usize, 2 => 500..3000usize, 1 => 15_000..40_000usize];
    let times = prop_oneof![6 => 1..3usize, 3 => 3..9usize, 1 => 60..80usize];
    let room = prop_oneof![3 => Just(0), 4 => 1..60usize, 3 => 1..5000usize, 2 => Just(usize::MAX)];
    let most = prop_oneof![7..60usize, 7..5000usize, Just(usize::MAX)];
    let policy = prop_oneof![
        Just(OnSlow::Drop),
        Just(OnSlow::DropOldest),
        Just(OnSlow::DropOldest),
        Just(OnSlow::Remove),
        Just(OnSlow::Close),
    ];
    let settings =
        any::<[bool; 3]>().prop_map(|[ends, noticing, drops]| Settings { ends, noticing, drops });
    prop_oneof![
        26 => (broker.clone(), size.clone(), any::<bool>(), times)
            .prop_map(|(broker, size, own_id, times)| Op::Publish {
                broker,
                size,
                own_id,
                times: if size > 200 { times.min(4) } else { times },
            }),
        8 => (any::<bool>(), settings, broker.clone())
            .prop_map(|(plain, settings, broker)| Op::Open { plain, settings, broker }),
        4 => (peer.clone(), broker.clone())
            .prop_map(|(peer, broker)| Op::Subscribe { peer, broker }),
        2 => peer.clone().prop_map(|peer| Op::Unsubscribe { peer }),
        16 => (peer.clone(), room).prop_map(|(peer, bytes)| Op::Room { peer, bytes }),
        4 => (peer.clone(), most).prop_map(|(peer, bytes)| Op::Most { peer, bytes }),
        8 => (peer.clone(), 1..300usize).prop_map(|(peer, size)| Op::Send { peer, size }),
        4 => peer.clone().prop_map(|peer| Op::Heartbeat { peer }),
        6 => (peer.clone(), policy).prop_map(|(peer, policy)| Op::Answer { peer, policy }),
        2 => peer.clone().prop_map(|peer| Op::Close { peer }),
        1 => peer.clone().prop_map(|peer| Op::Gone { peer }),
        1 => peer.prop_map(|peer| Op::Break { peer }),
        1 => broker.prop_map(|broker| Op::CloseBroker { broker }),
        40 => Just(Op::Turn),
    ]
}
