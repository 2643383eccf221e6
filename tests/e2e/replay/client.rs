//! Clients whose own events are kept: what each gets when it comes back, and what nobody gets.

use super::store::Remote;
use super::{of_user, ring, scope};
use crate::support::{Gate, Running, Subscriber, block_on, eventually, serve};
use headwater::sse::replay::{ReplayStore, RingBuffer, Scope};
use headwater::sse::{self, Client, ClientReplay, Disconnect, Event, EventId};
use headwater::{Engine, Hub, Request, Router, routing::get};
use std::sync::{Arc, Mutex, mpsc};

fn stores() -> [Arc<dyn ReplayStore>; 2] {
    [ring(), Remote::new()]
}

/// Sends events that begin with a user's name, and waits for the end.
async fn count(client: Client, user: String, many: u64) {
    for number in 1..=many {
        client.send(Event::data(format!("{user} {number}"))).await.expect("it is there");
    }
    client.closed().await;
}

/// Who asks, and for how many events.
fn asked(request: &Request) -> (String, u64) {
    let user = String::from_utf8_lossy(request.header("x-user").unwrap_or(b"nobody")).into_owned();
    let many = request.param("many").and_then(|many| many.parse().ok());
    (user, many.unwrap_or(1))
}

/// Every way to have streams: their clients are sent as many events as the path says.
fn app(replay: &ClientReplay) -> Router {
    let endpoint = sse::endpoint(async |request: Request, client: Client| {
        let (user, many) = asked(&request);
        count(client, user, many).await;
    });
    let blocking = sse::blocking_endpoint(|request: Request, client: Client| {
        let (user, many) = asked(&request);
        for number in 1..=many {
            let event = Event::data(format!("{user} {number}"));
            client.send_blocking(event).expect("it is there");
        }
        block_on(client.closed());
    });
    let its = replay.clone();
    let stream = move |request: Request| {
        let (user, many) = asked(&request);
        let stream = sse::stream(&request, async move |client| count(client, user, many).await);
        stream.replay(&its, scope(&request)).heartbeat(None)
    };
    Router::new()
        .route("/endpoint/{many}", get(endpoint.replay(replay, scope).heartbeat(None)))
        .route("/blocking/{many}", get(blocking.replay(replay, scope).heartbeat(None)))
        .route("/stream/{many}", get(stream))
}

fn come(server: &Running, path: &str, user: &str, last: Option<u64>) -> Subscriber {
    Subscriber::ask(server.connect(), of_user(path, user, last))
}

/// The next event, which is of the store's number.
#[track_caller]
fn expect(stream: &mut Subscriber, number: u64, data: &str) {
    let event = stream.event();
    assert_eq!((event.number(), event.data.as_deref()), (number, Some(data)));
}

/// Pitfall: one replay store on a route replays one client's private events to another.
fn one_store_on_a_route_replays_no_clients_private_events_to_another(engine: Engine) {
    for store in stores() {
        let replay = ClientReplay::new(store);
        let server = serve(engine, app(&replay));
        for path in ["/endpoint", "/blocking", "/stream"] {
            let (ada, eve) = (format!("ada {path}"), format!("eve {path}"));
            let mut stream = come(&server, &format!("{path}/9"), &ada, None);
            (1..=9).for_each(|number| expect(&mut stream, number, &format!("{ada} {number}")));
            drop(stream);
            // Whatever id she claims.
            for (sent, last) in (1..).zip([None, Some(0), Some(1), Some(8), Some(9), Some(99)]) {
                let mut stream = come(&server, &format!("{path}/1"), &eve, last);
                loop {
                    let event = stream.event();
                    assert_eq!(event.data, Some(format!("{eve} 1")));
                    if event.number() == sent {
                        break;
                    }
                }
            }
            let mut stream = come(&server, &format!("{path}/0"), &ada, Some(0));
            (1..=9).for_each(|number| expect(&mut stream, number, &format!("{ada} {number}")));
        }
        // Who is nobody has nothing kept, and gets nothing that is.
        let stored = replay.stats().stored;
        let nobody = "GET /endpoint/1 HTTP/1.1\r\nhost: test\r\nlast-event-id: 0\r\n\r\n";
        let event = Subscriber::ask(server.connect(), nobody).event();
        assert_eq!((event.id, event.data.as_deref()), (None, Some("nobody 1")));
        assert_eq!(replay.stats().stored, stored);
    }
}

fn client_that_comes_back_gets_what_it_missed_before_its_handler(engine: Engine) {
    for store in stores() {
        let server = serve(engine, app(&ClientReplay::new(store)));
        for path in ["/endpoint", "/blocking", "/stream"] {
            let mut stream = come(&server, &format!("{path}/600"), path, None);
            let begin = stream.next().expect("a stream goes on");
            assert_eq!((begin.id.as_deref(), begin.data), (Some("0"), None));
            (1..=600).for_each(|number| expect(&mut stream, number, &format!("{path} {number}")));
            drop(stream);
            for (before, last) in (600..).step_by(2).zip([599, 0, 1, 255, 256]) {
                let mut stream = come(&server, &format!("{path}/2"), path, Some(last));
                for number in last + 1..=before {
                    assert_eq!(stream.event().number(), number);
                }
                expect(&mut stream, before + 1, &format!("{path} 1"));
                expect(&mut stream, before + 2, &format!("{path} 2"));
            }
        }
    }
}

/// The client is told, if that is wanted, its handler runs, and knows the id that it came with.
fn unknown_id_is_told_and_the_handler_runs(engine: Engine) {
    let stores: [Arc<dyn ReplayStore>; 2] = [Arc::new(RingBuffer::new(2)), Remote::new()];
    for store in stores {
        let say = async |client: Client| {
            let last = client.last_event_id().map_or("none".to_owned(), EventId::to_string);
            client.send(Event::data(last)).await.expect("it is there");
            client.closed().await;
        };
        let endpoint = sse::endpoint(say).replay(ClientReplay::new(store), scope);
        let told = endpoint.heartbeat(None).unknown_id_notice("unknown");
        let server = serve(engine, Router::new().route("/", get(told)));
        for number in 1..=4 {
            let mut stream = come(&server, "/", "ada", None);
            let event = stream.event();
            assert_eq!((event.number(), event.data.as_deref()), (number, Some("none")));
        }
        for (times, last) in ["99", "x"].into_iter().enumerate() {
            let request = of_user("/", "ada", Some(0)).replace(": 0", &format!(": {last}"));
            let mut stream = Subscriber::ask(server.connect(), request);
            let notice = stream.event();
            let why = if last == "x" { "malformed" } else { "future" };
            assert_eq!((notice.id, notice.name.as_deref()), (None, Some("unknown")));
            assert_eq!(notice.data, Some(format!("{why}\n{last}")));
            let number = 4 + times as u64;
            let begin = stream.next().expect("a stream goes on");
            assert_eq!((begin.number(), begin.data), (number, None));
            let event = stream.event();
            assert_eq!((event.number(), event.data.as_deref()), (number + 1, Some(last)));
        }
    }
}

/// It is a greeting of the stream, and none of the client's events.
fn what_on_connect_sends_comes_first_and_is_not_kept(engine: Engine) {
    for store in stores() {
        let greet = async |_: &Request, client: &Client| {
            client.send(Event::data("hello").id("own")).await.expect("it is there");
        };
        let replay = ClientReplay::new(store);
        let endpoint = sse::endpoint(async |client: Client| count(client, "ada".into(), 1).await);
        let endpoint = endpoint.replay(&replay, scope).on_connect(greet).heartbeat(None);
        let server = serve(engine, Router::new().route("/", get(endpoint)));
        for number in 1..=3 {
            let mut stream = come(&server, "/", "ada", Some(0));
            let greeting = stream.event();
            assert_eq!((greeting.id, greeting.data.as_deref()), (None, Some("hello")));
            (1..=number).for_each(|number| expect(&mut stream, number, "ada 1"));
        }
        assert_eq!(replay.stats().stored, 3);
    }
}

/// What brokers send is theirs.
fn events_of_brokers_are_not_kept(engine: Engine) {
    for store in stores() {
        let news = Hub::new().broker("news").ids(false).build();
        let (replay, source) = (ClientReplay::new(store), news.clone());
        let endpoint = sse::endpoint(async move |client: Client| {
            let _subscribed = source.subscribe(&client);
            count(client, "ada".into(), 1).await;
        });
        let endpoint = endpoint.replay(&replay, scope).heartbeat(None);
        let server = serve(engine, Router::new().route("/", get(endpoint)));
        let mut stream = come(&server, "/", "ada", Some(0));
        expect(&mut stream, 1, "ada 1");
        eventually("it is subscribed", || news.subscriber_count() == 1);
        news.publish(Event::data("news")).expect("there is room");
        let event = stream.event();
        assert_eq!((event.id, event.data.as_deref()), (None, Some("news")));
        drop(stream);
        let mut stream = come(&server, "/", "ada", Some(0));
        (1..=2).for_each(|number| expect(&mut stream, number, "ada 1"));
        assert_eq!(replay.stats().stored, 2);
    }
}

/// What its handler appends to the scope after another stream of it has begun is not that one's, until it comes
/// back.
fn handler_of_an_older_stream_sends_to_its_own_client(engine: Engine) {
    for store in stores() {
        let clients = Arc::new(Mutex::new(Vec::new()));
        let here = clients.clone();
        let endpoint = sse::endpoint(async move |client: Client| {
            here.lock().expect("no panic").push(client.clone());
            client.closed().await;
        });
        let endpoint = endpoint.replay(ClientReplay::new(store), scope).heartbeat(None);
        let server = serve(engine, Router::new().route("/", get(endpoint)));
        let send = |to: usize, data: &str| {
            let client = clients.lock().expect("no panic")[to].clone();
            client.send_blocking(Event::data(data)).expect("it is there");
        };
        let come_when = |begun: usize| {
            let stream = come(&server, "/", "ada", Some(0));
            eventually("it has begun", || clients.lock().expect("no panic").len() == begun);
            stream
        };
        let mut first = come_when(1);
        send(0, "one");
        let mut second = come_when(2);
        send(0, "two");
        send(1, "three");
        expect(&mut first, 1, "one");
        expect(&mut first, 2, "two");
        expect(&mut second, 1, "one");
        expect(&mut second, 3, "three");
        let mut back = come(&server, "/", "ada", Some(1));
        expect(&mut back, 2, "two");
        expect(&mut back, 3, "three");
    }
}

/// Its handler has not run, and it has all when it comes back.
fn client_that_leaves_before_it_has_what_it_missed_loses_nothing(engine: Engine) {
    let (ended, ends) = mpsc::channel();
    let (begun, run) = mpsc::channel();
    let gate = Gate::default();
    let its = gate.clone();
    let endpoint = sse::endpoint(async move |client: Client| {
        begun.send(()).expect("the test waits");
        for number in 1..=300 {
            let data = format!("{number} {}", "x".repeat(100_000));
            if client.try_send(Event::data(data)).is_err() {
                break;
            }
            client.flush().await.expect("it reads");
        }
        its.pass().await;
    });
    let store = Arc::new(RingBuffer::builder(1000).bytes(100 << 20).build());
    let endpoint = endpoint.replay(store, |_: &Request| Scope::user("ada")).heartbeat(None);
    let endpoint = endpoint.on_disconnect(move |_: &Client, why: Disconnect| {
        ended.send(why).expect("the test waits");
    });
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let mut stream = come(&server, "/", "ada", None);
    (1..=300).for_each(|number| assert_eq!(stream.event().number(), number));
    run.recv().expect("it runs");
    for _ in 0..3 {
        let mut back = Subscriber::ask(server.connect_narrow(), of_user("/", "ada", Some(0)));
        assert_eq!(back.event().number(), 1);
        back.peer.reset();
        assert_eq!(ends.recv(), Ok(Disconnect::ClientGone));
    }
    assert!(run.try_recv().is_err(), "it does not run");
    let mut back = come(&server, "/", "ada", Some(7));
    (8..=300).for_each(|number| assert_eq!(back.event().number(), number));
    run.recv().expect("it runs");
    gate.open();
}

on_every_engine! {
    one_store_on_a_route_replays_no_clients_private_events_to_another,
    client_that_comes_back_gets_what_it_missed_before_its_handler,
    unknown_id_is_told_and_the_handler_runs,
    what_on_connect_sends_comes_first_and_is_not_kept,
    events_of_brokers_are_not_kept,
    handler_of_an_older_stream_sends_to_its_own_client,
    client_that_leaves_before_it_has_what_it_missed_loses_nothing,
}
