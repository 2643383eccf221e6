//! What travels with a connection: its request, what comes behind it, and what its client does meanwhile.

use super::{
    SLACK, answer, connect, core_name, core_of, serve, streams, wait_for_rest, weigh_down,
};
use crate::support::{Answer, End, Peer, Subscriber, eventually, get as request};
use headwater::extract::{Path, State};
use headwater::middleware::Next;
use headwater::sse::{self, Client, Event};
use headwater::{Engine, Hub, Request, Router, routing::get, routing::post};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

on_every_engine!(
    request_travels_with_all_that_its_handler_takes,
    hooks_and_middleware_run_once_where_the_stream_is,
    argument_that_is_missing_is_answered_by_the_new_worker_and_the_connection_goes_on,
    bytes_behind_the_request_are_thrown_away,
    requests_behind_a_refused_stream_are_answered_in_order,
    answers_before_the_stream_come_before_it,
    client_that_finishes_with_its_request_ends_in_order,
    client_that_leaves_behind_its_request_leaves_nothing_behind,
    http_1_0_client_is_handed_over_too,
    body_that_was_waited_for_travels_along,
);

/// Not `Send`, made where the handler is called.
struct Local(std::rc::Rc<String>);

impl headwater::extract::FromRequestParts for Local {
    type Rejection = std::convert::Infallible;

    fn from_request_parts(_: &Request) -> Result<Self, Self::Rejection> {
        Ok(Self(std::rc::Rc::new(core_name())))
    }
}

fn request_travels_with_all_that_its_handler_takes(engine: Engine) {
    let handler = async |Path(name): Path<String>,
                         State(greeting): State<&'static str>,
                         Local(core): Local,
                         request: Request,
                         client: Client| {
        let header = String::from_utf8_lossy(request.header("x-word").unwrap_or_default());
        let header = header.into_owned();
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let known = client.peer_addr() == request.peer_addr() && client.peer_addr().is_some();
        let words = format!("{greeting} {name} {header} {body} {known} {core}");
        client.send(Event::data(words)).await.ok();
    };
    let app = Router::new().route("/{name}", post(sse::endpoint(handler))).state("hello");
    let server = serve(engine, app);
    let _ballast = weigh_down(&server, 3 * SLACK);
    for _ in 0..5 {
        let head = "POST /someone HTTP/1.1\r\nhost: test\r\nx-word: dear\r\ncontent-length: 4";
        let mut stream = Subscriber::ask(connect(&server, 0), format!("{head}\r\n\r\nbody"));
        assert_eq!(stream.data(), "hello someone dear body true headwater-1");
        stream.expect_end();
    }
    assert_eq!(server.stats().handed_over, 5);
}

fn hooks_and_middleware_run_once_where_the_stream_is(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = calls.clone();
    let middleware = async move |request: Request, next: Next| {
        if request.path() == "/" {
            assert_eq!(core_name(), "headwater-1");
            seen.fetch_add(1, Ordering::Relaxed);
        }
        next.run(request).await
    };
    let admit = async |_: &Request, client: &Client| {
        headwater::time::sleep(std::time::Duration::from_millis(1)).await;
        client.send(Event::data(core_name())).await.ok();
        Ok::<_, headwater::http::StatusCode>([("x-core", core_name())])
    };
    let feed = sse::feed(&broker).on_connect(admit);
    let server = serve(engine, Router::new().route("/", get(feed)).with(middleware));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut stream = Subscriber::open(connect(&server, 0), "/");
    assert_eq!(stream.head.header("x-core"), Some("headwater-1"));
    assert_eq!(stream.data(), "headwater-1");
    broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(stream.data(), "news");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

fn argument_that_is_missing_is_answered_by_the_new_worker_and_the_connection_goes_on(
    engine: Engine,
) {
    let handler = async |Path(_): Path<u32>, _: Client| ();
    let server = serve(engine, Router::new().route("/{number}", get(sse::endpoint(handler))));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut peer = connect(&server, 0);
    assert_eq!(answer(&mut peer, "/x").status, 400);
    assert_eq!(core_of(&mut peer), 1, "it stays there");
    Subscriber::open(peer, "/7").expect_end();
    assert_eq!(server.stats().handed_over, 1);
}

fn bytes_behind_the_request_are_thrown_away(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).heartbeat(None))));
    let _ballast = weigh_down(&server, 3 * SLACK);
    for behind in [1, 50, 5000] {
        let mut peer = connect(&server, 0);
        // Some with the request, some while it is on its way, some later.
        peer.send(request("/") + &request("/core").repeat(behind));
        peer.send(request("/core").repeat(behind));
        let mut stream = Subscriber::ask(peer, request("/core"));
        broker.publish(Event::data("news")).expect("there is room");
        assert_eq!(stream.data(), "news");
        broker.publish(Event::data("more")).expect("there is room");
        assert_eq!(stream.data(), "more");
    }
    assert_eq!(server.stats().handed_over, 3);
}

fn requests_behind_a_refused_stream_are_answered_in_order(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    broker.close();
    let app = Router::new()
        .route("/over", get(sse::feed(&broker)))
        .route("/{number}", get(|Path(number): Path<usize>| number.to_string()));
    let server = serve(engine, app);
    let _ballast = weigh_down(&server, 3 * SLACK);
    for behind in [3, 300] {
        let mut peer = connect(&server, 0);
        let requests: String = (0..behind).map(|number| request(&format!("/{number}"))).collect();
        let mut sender = peer.clone_to_send();
        let all = request("/over") + &requests;
        // In pieces, of which some come while the connection is on its way.
        let sends = std::thread::spawn(move || {
            all.as_bytes().chunks(700).for_each(|piece| sender.send(piece));
        });
        assert_eq!(peer.answer().status, 204);
        for number in 0..behind {
            assert_eq!(peer.answer().text(), number.to_string());
        }
        assert_eq!(core_of(&mut peer), 1);
        sends.join().expect("the server takes all");
    }
    assert_eq!(server.stats().handed_over, 2);
}

fn answers_before_the_stream_come_before_it(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).heartbeat(None))));
    let _ballast = weigh_down(&server, 3 * SLACK);
    for _ in 0..5 {
        let mut peer = connect(&server, 0);
        peer.send(request("/core") + &request("/missing") + &request("/"));
        assert_eq!(peer.answer().text(), "headwater-0");
        assert_eq!(peer.answer().status, 404);
        let mut stream = Subscriber::ask(peer, "");
        broker.publish(Event::data("news")).expect("there is room");
        assert_eq!(stream.data(), "news");
    }
}

fn client_that_finishes_with_its_request_ends_in_order(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).heartbeat(None))));
    let ballast = weigh_down(&server, 3 * SLACK);
    for _ in 0..20 {
        let mut peer = connect(&server, 0);
        peer.send_with_end(request("/"));
        let (_, end) = peer.rest();
        assert_eq!(end, End::Closed);
    }
    eventually("they are gone", || streams(&server)[1] == 0 && server.stats().streams == 3 * SLACK);
    drop(ballast);
    wait_for_rest(&server);
}

fn client_that_leaves_behind_its_request_leaves_nothing_behind(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).heartbeat(None))));
    let ballast = weigh_down(&server, 40);
    let leave: [fn(Peer); 3] = [drop, Peer::reset, |mut peer| {
        peer.try_send(request("/core"));
        peer.reset();
    }];
    for leave in leave {
        for _ in 0..10 {
            let mut peer = connect(&server, 0);
            peer.ask("/");
            leave(peer);
        }
        eventually("they are gone", || server.stats().connections == 40);
        assert_eq!((server.stats().streams, broker.subscriber_count()), (40, 0));
    }
    // Sound ones come and go as ever.
    let mut stream = Subscriber::open(connect(&server, 0), "/");
    broker.publish(Event::data("news")).expect("there is room");
    assert_eq!(stream.data(), "news");
    drop((ballast, stream));
    wait_for_rest(&server);
}

fn http_1_0_client_is_handed_over_too(engine: Engine) {
    let handler = async |client: Client| {
        client.send(Event::data(core_name())).await.ok();
    };
    let server = serve(engine, Router::new().route("/", get(sse::endpoint(handler))));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut peer = connect(&server, 0);
    peer.send("GET / HTTP/1.0\r\n\r\n");
    let head = Answer::receive_head(&mut peer).expect("a head");
    assert_eq!(head.header("transfer-encoding"), None);
    let (rest, end) = peer.rest();
    assert_eq!(
        (String::from_utf8_lossy(&rest).as_ref(), end),
        ("data: headwater-1\n\n", End::Closed)
    );
}

fn body_that_was_waited_for_travels_along(engine: Engine) {
    let handler = async |body: String, client: Client| {
        client.send(Event::data(body.len().to_string())).await.ok();
    };
    let server = serve(engine, Router::new().route("/", post(sse::endpoint(handler))));
    let _ballast = weigh_down(&server, 3 * SLACK);
    let mut peer = connect(&server, 0);
    let head = "POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 100000";
    peer.send(format!("{head}\r\n\r\n"));
    let asked = Answer::receive_head(&mut peer).expect("it is asked for the body");
    assert_eq!(asked.status, 100);
    let mut stream = Subscriber::ask(peer, vec![b'x'; 100_000]);
    assert_eq!(stream.data(), "100000");
    stream.expect_end();
    assert_eq!(server.stats().handed_over, 1);
}
