//! Broker.

use super::{connect, publish, serve_clients, serve_feed};
use crate::support::{Ending, eventually};
use headwater::sse::{ClientConfig, Event, PreparedEvent, Refusal};
use headwater::{Engine, Hub};

/// `Broker.Publish`
fn publish_reaches_every_subscriber_and_returns_the_prepared_event(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve_feed(engine, &broker);
    let mut streams: Vec<_> = (0..10).map(|_| server.subscribe("/")).collect();
    let published = broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(published.event.len(), "data: news\n\n".len());
    // To use it again, and for its id.
    broker.publish_prepared(&published.event).expect("there is room");
    for stream in &mut streams {
        let (first, second) = (stream.event(), stream.event());
        assert_eq!(first.id.as_deref(), Some(published.id.to_string().as_str()));
        assert_eq!((first.data.as_deref(), second.data.as_deref()), (Some("news"), Some("news")));
    }
}

/// `Broker.Publish`, ordering
fn subscriber_gets_events_in_the_order_of_publishing(engine: Engine) {
    let broker = Hub::new().broker("news").subscriber_buffer(1000).build();
    let server = serve_feed(engine, &broker);
    let mut streams: Vec<_> = (0..5).map(|_| server.subscribe("/")).collect();
    (0..500).for_each(|number| publish(&broker, Event::data(number.to_string())));
    for stream in &mut streams {
        for number in 0..500 {
            assert_eq!(stream.data(), number.to_string());
        }
    }
}

/// `Broker.PublishPrepared`
fn prepared_event_may_be_published_to_several_brokers(engine: Engine) {
    let hub = Hub::new();
    let brokers = [hub.broker("one").build(), hub.broker("two").build()];
    let servers = [serve_feed(engine, &brokers[0]), serve_feed(engine, &brokers[1])];
    let mut streams = [servers[0].subscribe("/"), servers[1].subscribe("/")];
    let event = PreparedEvent::new(&Event::data("shared").event("name"));
    for broker in &brokers {
        broker.publish_prepared(&event).expect("there is room");
    }
    for stream in &mut streams {
        assert_eq!(stream.data(), "shared");
    }
}

/// `Broker.Subscribe`
fn unsubscribing_ends_delivery_and_a_second_subscription_is_no_second_copy(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (mut stream, client) = connect(&server, &clients, true);
    let first = broker.subscribe(&client);
    let second = broker.subscribe(&client);
    eventually("it is subscribed", || broker.subscriber_count() == 1);
    publish(&broker, Event::data("once"));
    assert_eq!(stream.data(), "once");
    drop(first);
    publish(&broker, Event::data("still once"));
    assert_eq!(stream.data(), "still once");
    drop(second);
    eventually("it is not subscribed", || broker.subscriber_count() == 0);
    publish(&broker, Event::data("to nobody"));
    client.try_send(Event::data("from the handler")).expect("there is room");
    assert_eq!(stream.data(), "from the handler");
}

/// `Broker.Subscribe`, twice over the end
fn subscription_may_end_before_and_after_its_client(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (stream, client) = connect(&server, &clients, true);
    let subscription = broker.subscribe(&client);
    eventually("it is subscribed", || broker.subscriber_count() == 1);
    drop(stream);
    eventually("it is not subscribed", || broker.subscriber_count() == 0);
    drop(subscription);
    // A client that left does not come back by subscribing.
    let again = broker.subscribe(&client);
    publish(&broker, Event::data("to nobody"));
    assert_eq!(broker.subscriber_count(), 0);
    drop(again);
}

/// `Broker.SubscriberCount`
fn subscriber_count_follows_those_who_come_and_leave(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve_feed(engine, &broker);
    let mut streams = Vec::new();
    for count in 1..=10 {
        streams.push(server.subscribe("/"));
        assert_eq!(broker.subscriber_count(), count);
    }
    while streams.pop().is_some() {
        eventually("one less", || broker.subscriber_count() == streams.len());
    }
}

/// `Broker.Close`
fn close_unsubscribes_all_blocks_new_ones_and_may_be_called_twice(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve_feed(engine, &broker);
    let mut streams: Vec<_> = (0..5).map(|_| server.subscribe("/")).collect();
    publish(&broker, Event::data("before"));
    broker.close();
    broker.close();
    for stream in &mut streams {
        let (events, ending) = stream.rest();
        assert_eq!((events.len(), ending), (1, Ending::Whole));
    }
    assert_eq!(broker.subscriber_count(), 0);
    let refused = broker.publish(Event::data("after")).expect_err("it is closed");
    assert_eq!(refused.refusal(), Refusal::Closed);
    assert_eq!(refused.into_event().len(), "data: after\n\n".len());
    // Browsers stay away after this.
    assert_eq!(server.get("/").status, 204);
}

/// `Broker.Subscribe` after `Broker.Close`
fn subscribing_to_a_closed_broker_does_nothing(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (mut stream, client) = connect(&server, &clients, true);
    broker.close();
    let subscription = broker.subscribe(&client);
    client.try_send(Event::data("goes on")).expect("there is room");
    assert_eq!(stream.data(), "goes on");
    assert_eq!(broker.subscriber_count(), 0);
    drop(subscription);
    assert!(!client.is_closed());
}

/// Two layers of back-pressure that do not fight: one client on several brokers, with sends of its own.
fn client_on_several_brokers_with_own_sends_gets_all_events_whole(engine: Engine) {
    const EVENTS: usize = 200;
    let hub = Hub::new();
    let names = ["a", "b", "c"];
    // What a stream is owed counts together, whoever sent it.
    let room = (names.len() + 1) * EVENTS;
    let brokers = names.map(|name| hub.broker(name).subscriber_buffer(room).build());
    let (server, clients) = serve_clients(engine, ClientConfig::new());
    let (mut stream, client) = connect(&server, &clients, true);
    let _subscribed = brokers.each_ref().map(|broker| broker.subscribe(&client));
    eventually("all are subscribed", || brokers.iter().all(|b| b.subscriber_count() == 1));
    std::thread::scope(|scope| {
        let event = |name: &str, number: usize| Event::data(format!("{name} {number}").repeat(50));
        for (broker, name) in brokers.iter().zip(names) {
            scope.spawn(move || (0..EVENTS).for_each(|n| publish(broker, event(name, n))));
        }
        let client = &client;
        scope.spawn(move || {
            for number in 0..EVENTS {
                client.send_blocking(event("own", number)).expect("the client reads");
            }
        });
        let mut next = [0; 4];
        for _ in 0..4 * EVENTS {
            // Decoded strictly.
            let data = stream.data();
            let at = ["a", "b", "c", "own"].iter().position(|name| data.starts_with(name));
            let at = at.expect("one of them");
            let name = ["a", "b", "c", "own"][at];
            assert!(data == format!("{name} {}", next[at]).repeat(50), "{name} {}", next[at]);
            next[at] += 1;
        }
    });
}

on_every_engine! {
    publish_reaches_every_subscriber_and_returns_the_prepared_event,
    subscriber_gets_events_in_the_order_of_publishing,
    prepared_event_may_be_published_to_several_brokers,
    unsubscribing_ends_delivery_and_a_second_subscription_is_no_second_copy,
    subscription_may_end_before_and_after_its_client,
    subscriber_count_follows_those_who_come_and_leave,
    close_unsubscribes_all_blocks_new_ones_and_may_be_called_twice,
    subscribing_to_a_closed_broker_does_nothing,
    client_on_several_brokers_with_own_sends_gets_all_events_whole,
}
