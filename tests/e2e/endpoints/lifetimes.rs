//! Streams that end after a time.

use super::Ends;
use crate::support::serve;
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::time::{Duration, Instant};

fn stream_ends_whole_when_its_time_is_over(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let ends = Ends::default();
    let most = Duration::from_millis(300);
    let waiting = async |client: Client| {
        assert_eq!(client.closed().await, Disconnect::Expired);
    };
    let streaming = {
        let ends = ends.clone();
        move |request: Request| {
            sse::stream(&request, waiting).max_lifetime(most).on_disconnect(ends.hook())
        }
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).max_lifetime(most).on_disconnect(ends.hook())))
        .route(
            "/endpoint",
            get(sse::endpoint(waiting).max_lifetime(most).on_disconnect(ends.hook())),
        )
        .route("/stream", get(streaming));
    let server = serve(engine, app);
    let begun = Instant::now();
    let mut streams = ["/feed", "/endpoint", "/stream"].map(|path| server.subscribe(path));
    broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(streams[0].data(), "news");
    for stream in &mut streams {
        stream.expect_end();
    }
    // A tenth earlier at most.
    assert!(begun.elapsed() >= most * 9 / 10);
    ends.expect(&[Disconnect::Expired; 3]);
    assert_eq!(server.stats().handler_panics, 0);
}

fn lives_differ_so_that_clients_do_not_come_back_together(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let most = Duration::from_millis(1500);
    let feed = sse::feed(&broker).max_lifetime(most).lifetime_jitter(most);
    let server = serve(engine, Router::new().route("/", get(feed)));
    let begun = Instant::now();
    let streams: Vec<_> = (0..40).map(|_| server.subscribe("/")).collect();
    let lives: Vec<Duration> = std::thread::scope(|scope| {
        let wait = |mut stream: crate::support::Subscriber| {
            scope.spawn(move || {
                stream.expect_end();
                begun.elapsed()
            })
        };
        let waiting: Vec<_> = streams.into_iter().map(wait).collect();
        waiting.into_iter().map(|life| life.join().expect("no panic")).collect()
    });
    let (first, last) = (lives.iter().min(), lives.iter().max());
    let apart = last.zip(first).map(|(last, first)| last.saturating_sub(*first));
    assert!(apart > Some(most / 4), "all within {apart:?}");
}

fn stream_that_ends_early_leaves_no_timer_for_the_next_on_its_place(engine: Engine) {
    let most = Duration::from_millis(200);
    let broker = Hub::new().broker("news").build();
    let app = Router::new()
        .route("/short", get(sse::feed(&broker).max_lifetime(most)))
        .route("/long", get(sse::feed(&broker).heartbeat(Duration::from_millis(50))));
    let server = serve(engine, app);
    for _ in 0..10 {
        drop(server.subscribe("/short"));
        server.wait_for_connections(0);
    }
    let mut long = server.subscribe("/long");
    // Heartbeats for longer than any of those before would have lived.
    for _ in 0..6 {
        assert_eq!(long.next().map(|heard| heard.comment.is_some()), Ok(true));
    }
}

on_every_engine! {
    stream_ends_whole_when_its_time_is_over,
    lives_differ_so_that_clients_do_not_come_back_together,
    stream_that_ends_early_leaves_no_timer_for_the_next_on_its_place,
}
