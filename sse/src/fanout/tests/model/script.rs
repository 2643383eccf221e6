//! The steps of a random script, and how likely each is.

use proptest::prelude::*;

/// Three that drop, one that drops the oldest, one that removes, and one that closes.
pub(super) const BROKERS: usize = 6;
pub(super) const REMOVES: usize = 4;

/// Of a stream.
#[derive(Clone, Copy, Debug)]
pub(in crate::fanout::tests) struct Settings {
    /// With its brokers.
    pub(in crate::fanout::tests) ends: bool,
    /// It is told of gaps.
    pub(in crate::fanout::tests) noticing: bool,
    /// What its short queue has no room for.
    pub(in crate::fanout::tests) drops: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Publish { broker: usize, size: usize, own_id: bool, times: usize },
    Open { plain: bool, settings: Settings },
    Subscribe { peer: usize, broker: usize, by_handle: bool },
    Unsubscribe { peer: usize, broker: usize },
    Room { peer: usize, bytes: usize },
    Most { peer: usize, bytes: usize },
    Send { peer: usize, size: usize },
    Heartbeat { peer: usize },
    Close { peer: usize, by_handle: bool },
    Gone { peer: usize },
    Break { peer: usize },
    CloseBroker { broker: usize },
    Commands,
    Absorb,
    Round,
    Writables,
    Run,
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let (peer, broker) = (0..12usize, prop_oneof![9 => 0..REMOVES, 2 => REMOVES..BROKERS]);
    let size = prop_oneof![6 => 1..200usize, 2 => 1000..20_000usize, 1 => 15_000..100_000usize];
    let times = prop_oneof![6 => 1..4usize, 1 => 1..150usize];
    let room = prop_oneof![Just(0), 1..40usize, 1..5000usize, Just(200_000), Just(usize::MAX)];
    let most = prop_oneof![1..100usize, 1..50_000usize, Just(usize::MAX)];
    prop_oneof![
        24 => (broker.clone(), size.clone(), any::<bool>(), times)
            .prop_map(|(broker, size, own_id, times)| Op::Publish {
                broker,
                size,
                own_id,
                times: if size > 1000 { times.min(12) } else { times },
            }),
        9 => any::<[bool; 4]>().prop_map(|[plain, ends, noticing, drops]| Op::Open {
            plain,
            settings: Settings { ends, noticing, drops },
        }),
        15 => (peer.clone(), broker.clone(), any::<bool>())
            .prop_map(|(peer, broker, by_handle)| Op::Subscribe { peer, broker, by_handle }),
        3 => (peer.clone(), broker.clone())
            .prop_map(|(peer, broker)| Op::Unsubscribe { peer, broker }),
        15 => (peer.clone(), room).prop_map(|(peer, bytes)| Op::Room { peer, bytes }),
        6 => (peer.clone(), most).prop_map(|(peer, bytes)| Op::Most { peer, bytes }),
        9 => (peer.clone(), size).prop_map(|(peer, size)| Op::Send { peer, size }),
        6 => peer.clone().prop_map(|peer| Op::Heartbeat { peer }),
        3 => (peer.clone(), any::<bool>())
            .prop_map(|(peer, by_handle)| Op::Close { peer, by_handle }),
        2 => peer.clone().prop_map(|peer| Op::Gone { peer }),
        2 => peer.prop_map(|peer| Op::Break { peer }),
        1 => broker.prop_map(|broker| Op::CloseBroker { broker }),
        3 => Just(Op::Commands),
        18 => Just(Op::Absorb),
        24 => Just(Op::Round),
        9 => Just(Op::Writables),
        3 => Just(Op::Run),
    ]
}
