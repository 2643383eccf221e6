//! The callback that decides about slow subscribers in place of a policy.

use super::policies::publish_slowly;
use super::*;
use crate::SlowPolicy;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Lets the core have this many answers of callbacks, in all.
fn answered(core: &mut Core, answers: usize) {
    let give_up = Instant::now() + Duration::from_mins(1);
    while core.mailbox.1.load(Ordering::Relaxed) < answers {
        assert!(Instant::now() < give_up, "the callback does not answer");
        std::thread::yield_now();
    }
    core.run();
}

#[test]
fn the_callback_is_asked_once_per_episode_and_sees_the_client_and_the_event() {
    let (send, asked) = mpsc::channel();
    let news = Hub::new().broker("test").subscriber_buffer(2);
    let news = news.on_slow_subscriber(move |client, event| {
        let id = event.id().map(|id| id.to_string());
        send.send((client.is_closed(), id, event.len())).expect("somebody listens");
        SlowPolicy::Drop
    });
    let (news, mut core) = (news.build(), Core::new());
    let peer = core.subscriber(&news);
    for episode in 0..3 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..5);
        answered(&mut core, episode + 1);
        publish_slowly(&mut core, &news, 5..8);
        let (closed, id, len) = asked.recv().expect("asked");
        assert!(!closed);
        assert_eq!(id, Some((episode * 8 + 3).to_string()), "the first that is dropped");
        assert!((b"id: 3\ndata: 2\n\n".len()..=16).contains(&len));
        assert!(asked.try_recv().is_err(), "once");
        core.allow(peer, usize::MAX);
        core.run();
    }
    assert_eq!(news.dropped_events(), 3 * 6);
}

#[test]
fn the_publisher_never_waits_for_the_callback_and_drop_holds_until_it_answers() {
    let (go, wait) = mpsc::channel::<SlowPolicy>();
    let wait = Mutex::new(wait);
    let news = Hub::new().broker("test").subscriber_buffer(2);
    let news = news.on_slow_subscriber(move |_, _| {
        wait.lock().expect("one at a time").recv().expect("an answer")
    });
    let (news, mut core) = (news.build(), Core::new());
    let (peer, healthy) = (core.subscriber(&news), core.subscriber(&news));
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..100);
    assert_eq!(core.data(healthy).len(), 100);
    assert_eq!(news.dropped_events(), 98);
    go.send(SlowPolicy::DropOldest).expect("it waits");
    answered(&mut core, 1);
    publish_slowly(&mut core, &news, 100..104);
    core.allow(peer, usize::MAX);
    core.run();
    assert_eq!(core.data(peer), ["102", "103"]);
    assert_eq!(news.dropped_events(), 102);
    // The answer was for that episode.
    core.stall(peer);
    publish_slowly(&mut core, &news, 104..108);
    go.send(SlowPolicy::Close).expect("it is asked again");
    answered(&mut core, 2);
    assert_eq!(core.over.len(), 1);
}

#[test]
fn the_callback_removes_or_closes() {
    for (policy, left, over) in [(SlowPolicy::Remove, 0, 0), (SlowPolicy::Close, 0, 1)] {
        let news = Hub::new().broker("test").subscriber_buffer(1);
        let (news, mut core) = (news.on_slow_subscriber(move |_, _| policy).build(), Core::new());
        let peer = core.open(Framing::Plain, false);
        core.fanout.subscribe(peer.id, &news).expect("open");
        core.run();
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        answered(&mut core, 1);
        assert_eq!((news.subscriber_count(), core.over.len()), (left, over));
    }
}

#[test]
fn a_callback_that_panics_is_counted_and_leaves_the_subscriber_registered() {
    let news = Hub::new().broker("test").subscriber_buffer(1);
    let news = news.on_slow_subscriber(|_, _| panic!("a callback that fails"));
    let (news, mut core) = (news.build(), Core::new());
    let peer = core.subscriber(&news);
    for episode in 1..=2 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        answered(&mut core, episode);
        assert_eq!((news.callback_panics(), news.subscriber_count()), (episode as u64, 1));
        core.allow(peer, usize::MAX);
        core.run();
    }
    publish_slowly(&mut core, &news, 3..4);
    assert_eq!(core.data(peer), ["0", "0", "3"]);
}

/// Fails when it is dropped, also as what another panic left.
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        std::panic::panic_any("on purpose: dropping what a panic left");
    }
}

#[test]
fn a_panic_that_panics_again_when_it_is_dropped_costs_no_thread_of_the_callbacks() {
    let news = Hub::new().broker("test").subscriber_buffer(1).slow_concurrency(1);
    let news = news.on_slow_subscriber(|_, _| std::panic::panic_any(Explosive));
    let (news, mut core) = (news.build(), Core::new());
    let peer = core.subscriber(&news);
    for episode in 1..=3 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        answered(&mut core, episode);
        assert_eq!(news.callback_panics(), episode as u64);
        core.allow(peer, usize::MAX);
        core.run();
    }
}

impl crate::Origin for Explosive {}

#[test]
fn a_client_that_panics_when_it_is_dropped_costs_no_thread_of_the_callbacks() {
    let (gone, left) = (mpsc::channel::<()>(), mpsc::channel());
    let (go, wait) = (gone.0, Mutex::new(gone.1));
    let news = Hub::new().broker("test").subscriber_buffer(1).slow_concurrency(1);
    let news = news.on_slow_subscriber(move |_, _| {
        left.0.send(()).expect("somebody listens");
        wait.lock().expect("one at a time").recv().expect("the stream is over");
        SlowPolicy::Drop
    });
    let (news, mut core) = (news.build(), Core::new());
    for episode in 1..=3 {
        let origin: Arc<dyn crate::Origin> = Arc::new(Explosive);
        let (head, config) = (Bytes::from_static(HEAD), Arc::default());
        let id = core.fanout.open(episode, Framing::Plain, head, &config, Some(origin));
        core.fanout.subscribe(id, &news).expect("open");
        core.sockets.at(episode).room = 0;
        publish_slowly(&mut core, &news, 0..3);
        left.1.recv_timeout(Duration::from_mins(1)).expect("it is asked");
        // What the callback holds is the last.
        core.fanout.gone(id, crate::Disconnect::ClientGone);
        core.fanout.awake();
        assert!(core.fanout.prepare_sleep(), "the snapshot forgets it");
        go.send(()).expect("it waits");
        answered(&mut core, usize::try_from(episode).expect("a few"));
    }
}

#[test]
fn a_callback_that_has_no_thread_is_skipped_counted_and_asked_the_next_time() {
    thread_local! {
        static THREADS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    let (go, wait) = mpsc::channel::<SlowPolicy>();
    let wait = Mutex::new(wait);
    let news = Hub::new().broker("test").subscriber_buffer(1);
    let news = news.on_slow_subscriber(move |_, _| {
        wait.lock().expect("one at a time").recv().expect("an answer")
    });
    let news = news.start_threads(|run| {
        if !THREADS.get() {
            return Err(std::io::Error::other("no more threads"));
        }
        std::thread::spawn(run);
        Ok(())
    });
    let (news, mut core) = (news.build(), Core::new());
    let (peer, other) = (core.subscriber(&news), core.subscriber(&news));
    for episode in 1..=3 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        assert_eq!(news.callbacks_skipped(), episode);
        assert_eq!(news.dropped_events(), 2 * episode, "as under Drop");
        core.allow(peer, usize::MAX);
        core.run();
    }
    THREADS.set(true);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..3);
    // The thread that there is now takes the next question, too, where no other can be started.
    THREADS.set(false);
    core.stall(other);
    publish_slowly(&mut core, &news, 3..6);
    (0..2).for_each(|_| go.send(SlowPolicy::Remove).expect("it waits"));
    answered(&mut core, 2);
    assert_eq!((news.callbacks_skipped(), news.subscriber_count()), (3, 0));
}

/// A broker with room for one event, whose callback answers what it is sent, one at a time.
fn asking() -> (Broker, mpsc::Sender<SlowPolicy>, Arc<AtomicUsize>) {
    let (go, wait) = mpsc::channel::<SlowPolicy>();
    let (wait, asked) = (Mutex::new(wait), Arc::<AtomicUsize>::default());
    let count = asked.clone();
    let news = Hub::new().broker("test").subscriber_buffer(1).slow_concurrency(1);
    let news = news.on_slow_subscriber(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        wait.lock().expect("one at a time").recv().expect("an answer")
    });
    (news.build(), go, asked)
}

#[test]
fn the_answer_about_a_membership_that_is_over_concerns_no_other() {
    let ((news, go, _), mut core) = (asking(), Core::new());
    let peer = core.open(Framing::Chunked, false);
    let client = core.client(peer);
    let first = news.subscribe(&client);
    core.run();
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..3);
    drop(first);
    let _second = news.subscribe(&client);
    core.run();
    publish_slowly(&mut core, &news, 3..5);
    go.send(SlowPolicy::Remove).expect("it waits");
    answered(&mut core, 1);
    assert_eq!(news.subscriber_count(), 1);
    go.send(SlowPolicy::Remove).expect("it is asked about that one, too");
    answered(&mut core, 2);
    assert_eq!(news.subscriber_count(), 0);
}

#[test]
fn while_the_callback_is_asked_it_is_not_asked_again() {
    let ((news, go, asked), mut core) = (asking(), Core::new());
    let peer = core.subscriber(&news);
    for _ in 0..3 {
        core.stall(peer);
        publish_slowly(&mut core, &news, 0..3);
        core.allow(peer, usize::MAX);
        core.run();
    }
    go.send(SlowPolicy::Drop).expect("it waits");
    answered(&mut core, 1);
    core.stall(peer);
    publish_slowly(&mut core, &news, 0..3);
    go.send(SlowPolicy::Drop).expect("it waits");
    answered(&mut core, 2);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn as_many_callbacks_run_at_a_time_as_the_setting_says() {
    for (most, expected) in [(Some(1), 1), (Some(2), 2), (Some(3), 3), (None, 6)] {
        let (entered, running) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let news = Hub::new().broker("test").subscriber_buffer(1).slow_concurrency(most);
        let news = news.on_slow_subscriber(move |_, _| {
            entered.send(()).expect("somebody listens");
            wait.lock().expect("no test panics with it").recv().expect("an answer");
            SlowPolicy::Drop
        });
        let (news, mut core) = (news.build(), Core::new());
        let peers: Vec<Peer> = (0..6).map(|_| core.subscriber(&news)).collect();
        for &peer in &peers {
            core.stall(peer);
        }
        publish_slowly(&mut core, &news, 0..3);
        for _ in 0..expected {
            running.recv_timeout(Duration::from_mins(1)).expect("so many run");
        }
        for _ in expected..6 {
            assert!(running.try_recv().is_err(), "and no more");
            go.send(()).expect("they wait");
            running.recv_timeout(Duration::from_mins(1)).expect("one after the other");
        }
        (0..expected).for_each(|_| go.send(()).expect("they wait"));
    }
}
