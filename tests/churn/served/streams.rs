//! The handlers of streams, one of each kind in `kinds`.

use super::lives::{Life, Watch};
use crate::kinds::{
    BRIEF, BRIEF_MILLIS, CHAT, GAP, HELLO, SILENT, TALK, TALK_EVENTS, UNWELCOME, WORDS,
};
use crate::load;
use crate::support::Numbers;
use futures_core::Stream;
use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::sse::{self, Broker, Client, ClientPolicy, Event};
use headwater::time::{self, Sleep};
use headwater::{Request, Router};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

/// So short that clients see some.
const HEARTBEAT: Duration = Duration::from_millis(50);
/// What a handler waits for at most.
const PAUSE_MILLIS: u64 = 30;
/// Events that wait for a client that does not read.
const QUEUE_EVENTS: usize = 4;
/// Between two bursts of a handler that waits for nobody.
const BURST_PAUSE: Duration = Duration::from_millis(10);
/// What it sends at most at a time.
const CHAT_BYTES: usize = 10_000;

/// Counts a stream in when it begins and out when it ends, and greets. Refuses some.
macro_rules! guarded {
    ($handler:expr, $watch:expr) => {{
        let (coming, going) = ($watch.clone(), $watch.clone());
        $handler
            .on_connect(async move |request: &Request, client: &Client| {
                if request.header(UNWELCOME).is_some() {
                    return Err(StatusCode::FORBIDDEN);
                }
                if coming.admitted.load(Ordering::Relaxed).is_multiple_of(2) {
                    time::sleep(Duration::from_millis(1)).await;
                }
                // One that has left is dismissed at once.
                client.send(Event::data("").event(HELLO)).await.ok();
                // Nothing is waited for after this: whoever is let in here is.
                coming.admit();
                Ok(())
            })
            .on_disconnect(move |_: &Client, why| going.dismiss(why))
    }};
}

pub(super) fn routes(brokers: &[Broker], watch: &Watch) -> Router {
    let feed = |at: usize| sse::feed(&brokers[at]).heartbeat(HEARTBEAT);
    let app = Router::new()
        .route("/feed/drop", get(feed(0)))
        .route("/feed/drop-oldest", get(guarded!(feed(1).gap_notice(GAP), watch)))
        .route("/feed/remove", get(feed(2).gap_notice(GAP)))
        .route("/feed/close", get(guarded!(feed(3).gap_notice(GAP), watch)))
        .route("/feed/ask", get(feed(4).gap_notice(GAP)))
        .route(BRIEF, get(feed(0).max_lifetime(Duration::from_millis(BRIEF_MILLIS))));
    let of_both = [brokers[0].clone(), brokers[2].clone()];
    let tasks = watch.tasks.clone();
    let both = async move |client: Client| {
        let _life = tasks.begin();
        let _subscribed = of_both.each_ref().map(|broker| broker.subscribe(&client));
        talk(&client, u64::MAX).await;
    };
    let tasks = watch.tasks.clone();
    let to_the_end = async move |client: Client| {
        let _life = tasks.begin();
        talk(&client, TALK_EVENTS).await;
    };
    let (tasks, forwarded) = (watch.tasks.clone(), watch.forwarded.clone());
    let forward = async move |client: Client| {
        let _life = tasks.begin();
        // It ends with the client.
        client.forward(Talk::new(forwarded.begin())).await.ok();
    };
    let tasks = watch.tasks.clone();
    let silent = async move |client: Client| {
        let _life = tasks.begin();
        client.send(talk_event(0, 100)).await.ok();
        // Longer than any run: it is cancelled.
        time::sleep(Duration::from_hours(24)).await;
    };
    let words = |request: Request| {
        let words = String::from_utf8_lossy(request.body()).into_owned();
        sse::stream(&request, async move |client| {
            for word in words.split_whitespace() {
                if client.send(Event::data(word)).await.is_err() {
                    return;
                }
            }
        })
    };
    let app = app
        .route("/both", get(sse::endpoint(both)))
        .route("/talk", get(sse::endpoint(to_the_end).finish_on_drain()))
        .route("/forward", get(sse::endpoint(forward)))
        .route(SILENT, get(sse::endpoint(silent).cancel_on_disconnect(true)))
        .route(WORDS, post(words));
    on_threads(queues(app, watch), watch)
}

/// Handlers that are quicker than their clients, with each policy.
fn queues(app: Router, watch: &Watch) -> Router {
    let chatty = |queue: Option<usize>, policy, name: &'static str| {
        let watched = watch.clone();
        let handler = async move |client: Client| {
            let _life = watched.tasks.begin();
            chat(&client, name).await;
            watched.unqueued.fetch_add(client.dropped_events(), Ordering::Relaxed);
        };
        let endpoint = sse::endpoint(handler).client_queue(queue).slow_client(policy);
        get(guarded!(endpoint.gap_notice(GAP), watch))
    };
    app.route("/queue/drop", chatty(Some(QUEUE_EVENTS), ClientPolicy::Drop, CHAT))
        .route("/queue/close", chatty(Some(QUEUE_EVENTS), ClientPolicy::Close, TALK))
        .route("/queue/block", chatty(Some(QUEUE_EVENTS), ClientPolicy::Block, TALK))
        .route("/queue/none", chatty(None, ClientPolicy::Block, TALK))
}

fn on_threads(app: Router, watch: &Watch) -> Router {
    let talk = |events: u64| {
        let threads = watch.threads.clone();
        sse::blocking_endpoint(move |client: Client| {
            let _life = threads.begin();
            let mut numbers = Numbers::new(events);
            for number in 0..events {
                let event = talk_event(number, load::event_bytes(&mut numbers));
                if client.send_blocking(event).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(number % PAUSE_MILLIS));
            }
        })
    };
    app.route("/thread", get(talk(u64::MAX)))
        .route("/thread/talk", get(talk(TALK_EVENTS).finish_on_drain()))
}

fn talk_event(number: u64, bytes: usize) -> Event {
    Event::data(load::data(number, bytes)).event(TALK)
}

/// Sends numbered events until the client is gone.
async fn talk(client: &Client, events: u64) {
    let mut numbers = Numbers::new(events);
    for number in 0..events {
        let event = talk_event(number, load::event_bytes(&mut numbers));
        if client.send(event).await.is_err() {
            return;
        }
        time::sleep(Duration::from_millis(number % PAUSE_MILLIS)).await;
    }
}

/// The same in bursts, which wait for nothing but now and then for the kernel.
async fn chat(client: &Client, name: &str) {
    let mut numbers = Numbers::new(0);
    for number in 0.. {
        let data = load::data(number, load::event_bytes(&mut numbers).min(CHAT_BYTES));
        if client.send(Event::data(data).event(name)).await.is_err() {
            return;
        }
        if numbers.one_in(100) && client.flush().await.is_err() {
            return;
        }
        if numbers.one_in(2) {
            time::sleep(BURST_PAUSE).await;
        }
    }
}

/// The same as a stream of events.
struct Talk {
    next: u64,
    numbers: Numbers,
    pause: Pin<Box<Sleep>>,
    _life: Life,
}

impl Talk {
    fn new(life: Life) -> Self {
        let pause = Box::pin(time::sleep(Duration::ZERO));
        Self { next: 0, numbers: Numbers::new(1), pause, _life: life }
    }
}

impl Stream for Talk {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        ready!(self.pause.as_mut().poll(context));
        let number = self.next;
        self.next += 1;
        self.pause = Box::pin(time::sleep(Duration::from_millis(number % PAUSE_MILLIS)));
        let bytes = load::event_bytes(&mut self.numbers);
        Poll::Ready(Some(talk_event(number, bytes)))
    }
}
