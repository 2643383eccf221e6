//! Feeds of brokers that are chosen by request.

use crate::support::{Running, builder, eventually};
use headwater::http::StatusCode;
use headwater::sse::{self, Broker, Event};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::time::Duration;

const USERS: usize = 200;

fn each_request_gets_the_brokers_it_names(engine: Engine) {
    let hub = Hub::new();
    let all = hub.broker("all").build();
    let users: Vec<Broker> =
        (0..USERS).map(|user| hub.broker(format!("user {user}")).build()).collect();
    let (everybody, known) = (all.clone(), users.clone());
    let choose = move |request: &Request| {
        let user: Option<usize> = request.param("user").and_then(|user| user.parse().ok());
        match user.and_then(|user| known.get(user)) {
            Some(own) => Ok(vec![own.clone(), everybody.clone()]),
            None => Err((StatusCode::NOT_FOUND, "nobody")),
        }
    };
    let app = Router::new().route("/{user}", get(sse::feed_of(choose).heartbeat(Duration::ZERO)));
    let server = builder(engine).hub(&hub).serve(app).map(Running::from).expect("a free port");
    assert_eq!((server.get("/ada").status, server.get("/ada").text()), (404, "nobody"));
    let mut streams: Vec<_> =
        (0..USERS).map(|user| server.subscribe(&format!("/{user}"))).collect();
    for (user, broker) in users.iter().enumerate() {
        broker.publish(Event::data(format!("to {user}"))).expect("there is room");
    }
    all.publish(Event::data("to all")).expect("there is room");
    for (user, stream) in streams.iter_mut().enumerate() {
        // Several brokers have no order among each other.
        let mut heard = [stream.data(), stream.data()];
        heard.sort();
        assert_eq!(heard, [format!("to {user}"), "to all".to_owned()]);
    }
    all.close();
    users[0].close();
    // The last of its brokers ends a stream, and no other.
    streams[0].expect_end();
    users[1].publish(Event::data("still here")).expect("there is room");
    assert_eq!(streams[1].data(), "still here");
    assert_eq!(server.get("/0").status, 204);
    drop(streams);
    eventually("nobody is subscribed", || users.iter().all(|user| user.subscriber_count() == 0));
}

on_every_engine! {
    each_request_gets_the_brokers_it_names,
}
