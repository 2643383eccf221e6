//! Publishing and delivering over sockets in memory, so that nothing but the fan-out is counted: what
//! its caller does around it is in `requests`.

use crate::callgrind::counted;
use crate::support::{Core, data};
use headwater_sse::replay::RingBuffer;
use headwater_sse::{Broker, Event, Hub, PreparedEvent, Resumed, SlowPolicy};
use std::sync::Arc;

const ROUNDS: u64 = 50;
/// Rounds before: what is allocated once is allocated then.
const WARM_ROUNDS: u64 = 10;

fn broker() -> Broker {
    Hub::new().broker("news").build()
}

/// Publishing to 100 subscribers, whose number is nothing to the publisher.
pub(crate) fn publish(prepared: bool) -> u64 {
    let (broker, mut core) = (broker(), Core::new());
    core.subscribers(&broker, 100);
    let (event, text) = (PreparedEvent::new(&Event::data(data())), data());
    let publish = || {
        if prepared {
            return broker.publish_prepared(&event).is_ok();
        }
        broker.publish(Event::data(text.as_str())).is_ok()
    };
    for round in 0..WARM_ROUNDS + ROUNDS {
        let room = if round < WARM_ROUNDS { publish() } else { counted(publish) };
        assert!(room, "the ring has room");
        core.run();
    }
    assert_eq!(core.delivered(), (WARM_ROUNDS + ROUNDS) * 100, "all reach everybody");
    ROUNDS
}

/// So many events for these many subscribers, each of whom gets them in one send.
pub(crate) fn deliver(many: usize, events: u64) -> u64 {
    let (broker, mut core) = (broker(), Core::new());
    core.subscribers(&broker, many);
    let event = PreparedEvent::new(&Event::data(data()));
    let (delivered, before) = (core.delivered(), core.sockets.sends);
    for round in 0..WARM_ROUNDS + ROUNDS {
        (0..events).for_each(|_| drop(broker.publish_prepared(&event).expect("room")));
        if round < WARM_ROUNDS { core.run() } else { counted(|| core.run()) }
    }
    let sends = (WARM_ROUNDS + ROUNDS) * many as u64;
    assert_eq!(core.sockets.sends - before, sends, "one send each");
    assert_eq!(core.delivered() - delivered, events * sends, "all reach everybody");
    ROUNDS * events * many as u64
}

/// An event each of 1,000 brokers with one subscriber each.
pub(crate) fn brokers() -> u64 {
    let (hub, mut core) = (Hub::new(), Core::new());
    let brokers: Vec<Broker> = (0..1000).map(|_| hub.broker("quiet").build()).collect();
    for broker in &brokers {
        core.subscribers(broker, 1);
    }
    let event = PreparedEvent::new(&Event::data(data()));
    for round in 0..WARM_ROUNDS + ROUNDS {
        for broker in &brokers {
            broker.publish_prepared(&event).expect("room");
        }
        if round < WARM_ROUNDS { core.run() } else { counted(|| core.run()) }
    }
    assert_eq!(core.delivered(), (WARM_ROUNDS + ROUNDS) * 1000, "all reach everybody");
    ROUNDS * 1000
}

/// An event for each of 100 clients, from the handle to the socket.
pub(crate) fn clients() -> u64 {
    let mut core = Core::new();
    let clients: Vec<_> = (0..100).map(|_| core.client()).collect();
    core.obey();
    core.run();
    let event = PreparedEvent::new(&Event::data(data()));
    let send = |core: &mut Core| {
        for client in &clients {
            client.try_send(event.clone()).expect("the queue has room");
        }
        core.obey();
        core.run();
    };
    for round in 0..WARM_ROUNDS + ROUNDS {
        if round < WARM_ROUNDS { send(&mut core) } else { counted(|| send(&mut core)) }
    }
    assert_eq!(core.delivered(), (WARM_ROUNDS + ROUNDS) * 100, "all reach their clients");
    ROUNDS * 100
}

/// Events that a stream is given of a ring because it missed them, before it gets what comes.
pub(crate) fn replayed() -> u64 {
    const MISSED: u64 = 200;
    let broker = Hub::new().broker("news").replay(Arc::new(RingBuffer::new(1000))).build();
    let mut core = Core::new();
    let publish = || broker.publish(Event::data(data())).expect("the ring has room").id;
    let seen = publish();
    for _ in 0..MISSED {
        publish();
    }
    for round in 0..WARM_ROUNDS + ROUNDS {
        let id = core.stream();
        let resume = |core: &mut Core| {
            let resumed = core.fanout.subscribe_from(id, &broker, Some(seen.clone()));
            assert!(matches!(resumed, Resumed::Live), "a page holds all: {resumed:?}");
            core.run();
        };
        if round < WARM_ROUNDS { resume(&mut core) } else { counted(|| resume(&mut core)) }
    }
    assert_eq!(core.delivered(), (WARM_ROUNDS + ROUNDS) * MISSED, "each has what it missed");
    ROUNDS * MISSED
}

/// Rounds for 1,000 subscribers beside these many whose sockets are full, and who are owed all that
/// they may be.
pub(crate) fn stalled(many: usize, policy: SlowPolicy) -> u64 {
    let broker = Hub::new().broker("news").slow_policy(policy).build();
    let mut core = Core::new();
    core.subscribers(&broker, 1000);
    core.subscribers(&broker, many);
    core.sockets.full_from = Some(1000);
    let event = PreparedEvent::new(&Event::data(data()));
    // They are refused, and then owed as much as they may be.
    for _ in 0..100 {
        broker.publish_prepared(&event).expect("room");
        core.run();
    }
    let delivered = core.delivered();
    for _ in 0..ROUNDS {
        broker.publish_prepared(&event).expect("room");
        counted(|| core.run());
    }
    assert_eq!(core.delivered() - delivered, ROUNDS * 1000, "the others have all");
    ROUNDS
}
