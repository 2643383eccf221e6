//! Pitfalls 2 to 5 and 17: readers that are too slow.

use super::{LARGE, app, large, publish, stuck};
use crate::support::{Heard, PATIENCE, eventually, serve, serve_on_one};
use headwater::sse::{self, Broker, Disconnect, Event, SlowPolicy};
use headwater::{Engine, Hub, Router, routing::get};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

const BUFFER: usize = 16;

fn broker(policy: SlowPolicy) -> Broker {
    Hub::new().broker("news").subscriber_buffer(BUFFER).slow_policy(policy).build()
}

/// Pitfall 2: A hidden buffer of 64 MiB per connection swallows a slow reader: the policy never fires, four stalled
/// clients take 800 MiB, and past the cap writes are dropped and reported as success.
fn slow_readers_meet_their_policy_before_much_is_buffered_for_them(engine: Engine) {
    const STUCK: usize = 4;
    let broker = broker(SlowPolicy::Drop);
    let server = serve_on_one(engine, app(&broker));
    let mut streams: Vec<_> = (0..STUCK).map(|_| stuck(&server, "/quiet")).collect();
    let mut published = 0;
    let mut most = 0;
    // 100 MiB would have been swallowed.
    while published * LARGE < 25 << 20 {
        for _ in 0..8 {
            publish(&broker, large(published));
            published += 1;
        }
        eventually("the core has read them", || broker.published() == published as u64);
        most = most.max(server.stats().owed_bytes);
    }
    eventually("the policy shows", || broker.dropped_events() > 0);
    // What is owed: the buffer, one attempt's worth, and frames.
    let bound = STUCK * (BUFFER * (LARGE + 64) + (512 << 10));
    assert!(most <= bound, "{most} bytes owed, {bound} expected at most");
    broker.close();
    let mut heard = 0;
    for stream in &mut streams {
        heard += stream.rest().0.len();
    }
    // Nothing counts as sent that did not arrive, and nothing as dropped that did.
    let dropped = usize::try_from(broker.dropped_events()).expect("few");
    assert_eq!(heard + dropped, STUCK * published);
    eventually("all is counted", || server.stats().events_delivered == heard as u64);
}

/// Pitfall 3: One stalled subscriber under the Close policy freezes the publisher.
fn stalled_subscriber_under_the_close_policy_never_freezes_the_publisher(engine: Engine) {
    let broker = broker(SlowPolicy::Close);
    let ends = Arc::new(Mutex::new(Vec::new()));
    let told = ends.clone();
    let hook = move |_: &sse::Client, why| told.lock().expect("no panic").push(why);
    let feed = sse::feed(&broker).heartbeat(None).on_disconnect(hook);
    let server = serve_on_one(engine, Router::new().route("/", get(feed)));
    let _stuck: Vec<_> = (0..4).map(|_| stuck(&server, "/")).collect();
    let mut reader = server.subscribe("/");
    let mut slowest = std::time::Duration::ZERO;
    let mut published = 0;
    eventually("the stalled are closed", || {
        let begun = Instant::now();
        publish(&broker, large(published));
        slowest = slowest.max(begun.elapsed());
        // In step, so that the one who reads is never slow.
        assert!(reader.data() == large(published));
        published += 1;
        broker.subscriber_count() == 1
    });
    assert!(slowest < PATIENCE, "a publish took {slowest:?}");
    eventually("all ends are told", || ends.lock().expect("no panic").len() == 4);
    assert_eq!(*ends.lock().expect("no panic"), [Disconnect::Slow; 4]);
    server.wait_for_connections(1);
    publish(&broker, "last");
    assert_eq!(reader.data(), "last");
}

/// Pitfall 4: The publisher waits for slow-path callbacks; a callback that panics loses its policy.
fn publisher_never_waits_for_callbacks_and_one_that_panics_is_counted(engine: Engine) {
    let (answer, answers) = mpsc::channel::<Option<SlowPolicy>>();
    let answers = Mutex::new(answers);
    let (asked, questions) = mpsc::channel();
    let decide = move |client: &sse::Client, event: &sse::PreparedEvent| {
        asked.send((client.clone(), event.len())).expect("the test goes on");
        let policy = answers.lock().map(|answers| answers.recv_timeout(PATIENCE));
        policy.ok().and_then(Result::ok).flatten().expect("on purpose: no answer")
    };
    let hub = Hub::new();
    let news = hub.broker("news").subscriber_buffer(BUFFER).on_slow_subscriber(decide);
    let broker = news.slow_concurrency(1).build();
    let server = serve_on_one(engine, app(&broker));
    let _stuck = stuck(&server, "/quiet");
    let mut reader = server.subscribe("/quiet");
    let mut published = 0;
    let mut publish_in_step = || {
        publish(&broker, large(published));
        assert!(reader.data() == large(published));
        published += 1;
    };
    let mut question = None;
    eventually("the callback is asked", || {
        publish_in_step();
        question = questions.try_recv().ok();
        question.is_some()
    });
    // While it thinks, everything goes on, and the stalled one is not decided about.
    (0..3 * BUFFER).for_each(|_| publish_in_step());
    let (client, bytes) = question.expect("it was waited for");
    assert!(bytes > LARGE && !client.is_closed());
    assert_eq!(broker.subscriber_count(), 2);
    // One that panics leaves it as it was.
    let counted = broker.clone();
    answer.send(None).expect("it waits for an answer");
    eventually("the panic is counted", || counted.callback_panics() == 1);
    assert_eq!((broker.subscriber_count(), client.is_closed()), (2, false));
    drop(answer);
}

/// Pitfall 5: Drops are not counted anywhere.
fn every_drop_is_counted_for_its_broker_and_its_client(engine: Engine) {
    for policy in [SlowPolicy::Drop, SlowPolicy::DropOldest] {
        let hub = Hub::new();
        let broker = hub.broker("news").subscriber_buffer(BUFFER).slow_policy(policy).build();
        let clients = Arc::new(Mutex::new(Vec::new()));
        let kept = clients.clone();
        let source = broker.clone();
        let handler = async move |client: sse::Client| {
            let _subscribed = source.subscribe(&client);
            kept.lock().expect("no panic").push(client.clone());
            client.send(Event::data("begin")).await.expect("the client is there");
            client.closed().await;
        };
        let app = Router::new().route("/", get(sse::endpoint(handler).heartbeat(None)));
        let server = serve_on_one(engine, app);
        let mut stream = stuck(&server, "/");
        eventually("it is subscribed", || broker.subscriber_count() == 1);
        assert_eq!(stream.data(), "begin");
        let mut published = 0;
        eventually("many are dropped", || {
            publish(&broker, large(published));
            published += 1;
            broker.dropped_events() > 100
        });
        let client = clients.lock().expect("no panic")[0].clone();
        eventually("the core has read all", || hub.backlog() == 0);
        client.close();
        let (heard, _) = stream.rest();
        let dropped = usize::try_from(broker.dropped_events()).expect("few");
        assert_eq!(heard.len() + dropped, published, "{policy:?}");
        assert_eq!(client.dropped_events(), broker.dropped_events(), "{policy:?}");
    }
}

/// Pitfall 17: Silent loss when a receiver lags: every loss is counted, and the client can be told in the stream.
fn loss_is_told_in_the_stream_with_how_many_and_after_which(engine: Engine) {
    for policy in [SlowPolicy::Drop, SlowPolicy::DropOldest] {
        let broker = broker(policy);
        let feed = sse::feed(&broker).heartbeat(None).gap_notice("gap");
        let server = serve_on_one(engine, Router::new().route("/", get(feed)));
        let mut stream = stuck(&server, "/");
        let mut published: u64 = 0;
        eventually("many are dropped", || {
            publish(&broker, large(usize::try_from(published).expect("few")));
            published += 1;
            broker.dropped_events() > 50
        });
        let heard = std::thread::scope(|scope| {
            // Goes on at the tail once it has caught up; the last event is behind every gap.
            scope.spawn(|| {
                eventually("it has caught up", || server.stats().owed_bytes == 0);
                publish(&broker, "last");
            });
            let mut heard = Vec::new();
            while heard.last().is_none_or(|last: &Heard| last.data.as_deref() != Some("last")) {
                heard.push(stream.event());
            }
            heard
        });
        let (mut last, mut told) = (0, 0);
        for heard in heard {
            if heard.name.as_deref() == Some("gap") {
                let data = heard.data.unwrap_or_default();
                let (missed, after) = data.split_once('\n').expect("how many, and after which");
                assert_eq!(after, last.to_string(), "{policy:?}");
                let missed: u64 = missed.parse().expect("a number");
                told += missed;
                last += missed;
                continue;
            }
            assert_eq!(heard.number(), last + 1, "{policy:?}: nothing is lost without a notice");
            last += 1;
        }
        assert_eq!(last, published + 1, "{policy:?}");
        assert_eq!(told, broker.dropped_events(), "{policy:?}");
    }
}

/// The reader of a fast stream is never told of anything.
fn reader_that_keeps_up_hears_of_no_gap(engine: Engine) {
    let broker = broker(SlowPolicy::Drop);
    let feed = sse::feed(&broker).heartbeat(None).gap_notice("gap");
    let server = serve(engine, Router::new().route("/", get(feed)));
    let mut reader = server.subscribe("/");
    for number in 0..200 {
        publish(&broker, large(number));
        let heard = reader.event();
        assert_eq!(heard.name, None);
        assert!(heard.data == Some(large(number)));
    }
    assert_eq!(broker.dropped_events(), 0);
}

on_every_engine! {
    slow_readers_meet_their_policy_before_much_is_buffered_for_them,
    stalled_subscriber_under_the_close_policy_never_freezes_the_publisher,
    publisher_never_waits_for_callbacks_and_one_that_panics_is_counted,
    every_drop_is_counted_for_its_broker_and_its_client,
    loss_is_told_in_the_stream_with_how_many_and_after_which,
    reader_that_keeps_up_hears_of_no_gap,
}
