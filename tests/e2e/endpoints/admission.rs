//! `on_connect`: asked before anything is sent.

use super::Ends;
use crate::support::{Answer, Gate, Subscriber, eventually, get as request, serve, serve_on_one};
use headwater::http::{HeaderName, HeaderValue, StatusCode};
use headwater::sse::{self, Client, Disconnect, Event};
use headwater::{Engine, Headers, Hub, Request, Router, routing::get};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lets in who has a key.
async fn check(
    request: &Request,
    client: &Client,
) -> Result<[(&'static str, String); 2], (StatusCode, &'static str)> {
    let Some(key) = request.query() else { return Err((StatusCode::UNAUTHORIZED, "no key")) };
    client.send(Event::data("welcome")).await.expect("there is room");
    Ok([("set-cookie", format!("key={key}")), ("x-own", "value".to_owned())])
}

fn refused_stream_gets_its_status_and_body_before_any_stream_head(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let ends = Ends::default();
    let handler = async |client: Client| {
        client.send(Event::data("secret")).await.expect("the client is there");
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).on_connect(check).on_disconnect(ends.hook())))
        .route(
            "/endpoint",
            get(sse::endpoint(handler).on_connect(check).on_disconnect(ends.hook())),
        );
    let server = serve(engine, app);
    for path in ["/feed", "/endpoint"] {
        let mut peer = server.connect();
        // The connection goes on, also with a stream.
        for _ in 0..3 {
            peer.ask(path);
            let answer = peer.answer();
            assert_eq!((answer.status, answer.text()), (401, "no key"));
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
            assert!(!answer.is_last());
        }
        let mut stream = Subscriber::open(peer, &format!("{path}?sesame"));
        assert_eq!(stream.data(), "welcome");
    }
    eventually("both have left", || server.stats().streams == 0);
    // Nobody whom the hook refused is told of.
    assert_eq!(ends.all().len(), 2);
}

fn admitted_stream_begins_with_the_hooks_headers_and_events(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let handler = async |client: Client| {
        client.send(Event::data("from the handler")).await.expect("the client is there");
        client.closed().await;
    };
    let endpoint = || sse::endpoint(handler).on_connect(check).heartbeat(None);
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).on_connect(check).heartbeat(None)))
        .route("/endpoint", get(endpoint()))
        // Sends wait for the kernel, but not before there is anything for it.
        .route("/unqueued", get(endpoint().client_queue(None)));
    let server = serve(engine, app);
    for path in ["/feed", "/endpoint", "/unqueued"] {
        let mut stream = server.subscribe(&format!("{path}?sesame"));
        assert_eq!(stream.head.header("set-cookie"), Some("key=sesame"));
        assert_eq!(stream.head.header("x-own"), Some("value"));
        assert_eq!(stream.head.header("cache-control"), Some("no-cache"));
        assert_eq!(stream.data(), "welcome");
        if path == "/feed" {
            broker.publish(Event::data("news")).expect("there is room");
            assert_eq!(stream.data(), "news");
        } else {
            assert_eq!(stream.data(), "from the handler");
        }
    }
}

fn nothing_is_sent_while_the_hook_waits(engine: Engine) {
    let (hub, gate) = (Hub::new(), Gate::default());
    let (news, sport) = (hub.broker("news").build(), hub.broker("sport").build());
    let (passed, early) = (gate.clone(), sport.clone());
    let hook = async move |_: &Request, client: &Client| {
        let subscribed = early.subscribe(client);
        client.send(Event::data("first")).await.expect("there is room");
        passed.pass().await;
        // For as long as the client is there.
        std::mem::forget(subscribed);
    };
    let app = Router::new()
        .route("/", get(sse::feed(&news).on_connect(hook).heartbeat(None)))
        .route("/plain", get(|| "ok"));
    let server = serve_on_one(engine, app);
    let mut peer = server.connect();
    peer.ask("/");
    eventually("the hook waits", || gate.is_awaited() && sport.subscriber_count() == 1);
    for number in 0..10 {
        sport.publish(Event::data(format!("sport {number}"))).expect("there is room");
        news.publish(Event::data("too early")).expect("there is room");
    }
    // The core has done everything else since.
    assert_eq!(server.get("/plain").text(), "ok");
    assert_eq!(peer.try_receive(), 0);
    gate.open();
    let head = Answer::receive_head(&mut peer).expect("a head comes");
    assert_eq!(head.status, 200);
    let mut stream = Subscriber::after(peer, head);
    assert_eq!(stream.data(), "first");
    for number in 0..10 {
        assert_eq!(stream.data(), format!("sport {number}"));
    }
    news.publish(Event::data("news")).expect("there is room");
    assert_eq!(stream.data(), "news");
}

/// Headers that hooks and handlers want in the head of a stream.
const SET: &[(&str, &str)] = &[
    ("cache-control", "no-store"),
    ("x-accel-buffering", "yes"),
    ("set-cookie", "a=1"),
    ("set-cookie", "b=2"),
    ("vary", "cookie"),
    ("vary", "accept"),
    ("x-own", "value"),
];
/// What no stream may be.
const TYPED: &[(&str, &str)] = &[("content-type", "text/plain")];

fn headers_of_the_head_are_set_but_cookies_add_up(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let admitting = |fields: &'static [(&'static str, &'static str)]| {
        let headers = move || -> Headers {
            let field =
                |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            fields.iter().map(field).collect()
        };
        sse::feed(&broker)
            .on_connect(async move |_: &Request, _: &Client| Ok::<_, StatusCode>(headers()))
    };
    let streaming = |fields: &'static [(&'static str, &'static str)]| {
        move |request: Request| {
            let mut stream = sse::stream(&request, async |_| {});
            for &(name, value) in fields {
                let (name, value) =
                    (HeaderName::from_static(name), HeaderValue::from_static(value));
                stream = stream.header(name, value);
            }
            stream
        }
    };
    let app = Router::new()
        .route("/hook", get(admitting(SET)))
        .route("/hook/typed", get(admitting(TYPED)))
        .route("/stream", get(streaming(SET)))
        .route("/stream/typed", get(streaming(TYPED)))
        .route("/stream/twice", get(streaming(&[("x-own", "first"), ("x-own", "value")])));
    let server = serve(engine, app);
    for path in ["/hook", "/stream"] {
        let head = server.subscribe(path).head;
        for (name, value) in
            [("cache-control", "no-store"), ("x-accel-buffering", "yes"), ("x-own", "value")]
        {
            assert_eq!(head.header(name), Some(value), "{path}");
        }
        for line in ["set-cookie: a=1", "set-cookie: b=2", "vary: cookie", "vary: accept"] {
            assert_eq!(head.head.matches(line).count(), 1, "{path}: {line}");
        }
        assert_eq!(server.get(&format!("{path}/typed")).status, 500);
    }
    assert_eq!(server.subscribe("/stream/twice").head.header("x-own"), Some("value"));
    assert_eq!(server.stats().handler_panics, 0);
}

fn client_that_leaves_while_the_hook_waits_leaves_nothing_behind(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let (gate, ends) = (Gate::default(), Ends::default());
    let (passed, early) = (gate.clone(), broker.clone());
    let hook = async move |_: &Request, client: &Client| {
        let _subscribed = early.subscribe(client);
        passed.pass().await;
    };
    let feed = sse::feed(&broker).on_connect(hook).on_disconnect(ends.hook());
    let server = serve(engine, Router::new().route("/", get(feed)));
    let mut peers: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.ask("/");
    }
    eventually("all hooks wait", || server.stats().streams == 10);
    for (number, peer) in peers.into_iter().enumerate() {
        if number % 2 == 0 { peer.reset() } else { drop(peer) }
    }
    gate.open();
    eventually("no stream is left", || {
        server.stats().streams == 0 && broker.subscriber_count() == 0
    });
    server.wait_for_connections(0);
}

fn hook_that_panics_is_answered_with_500(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let hook = async |request: &Request, _: &Client| {
        assert!(request.query().is_some(), "on purpose: in a hook");
    };
    let server = serve(engine, Router::new().route("/", get(sse::feed(&broker).on_connect(hook))));
    assert_eq!(server.get("/").status, 500);
    assert_eq!(server.stats().handler_panics, 1);
    eventually("no stream is left", || server.stats().streams == 0);
    server.subscribe("/?key");
}

fn client_that_the_hook_closes_gets_a_stream_that_ends(engine: Engine) {
    let ends = Ends::default();
    let hook = async |_: &Request, client: &Client| {
        client.send(Event::data("come back later")).await.expect("there is room");
        client.close();
    };
    let handler = async |client: Client| {
        client.closed().await;
    };
    let endpoint = sse::endpoint(handler).on_connect(hook).on_disconnect(ends.hook());
    let server = serve(engine, Router::new().route("/", get(endpoint)));
    let mut stream = server.subscribe("/");
    assert_eq!(stream.data(), "come back later");
    stream.expect_end();
    ends.expect(&[Disconnect::Done]);
}

fn head_is_answered_without_asking_anybody(engine: Engine) {
    let broker = Hub::new().broker("news").build();
    let calls = Arc::new(AtomicUsize::new(0));
    let (asked, begun) = (calls.clone(), calls.clone());
    let hook = async move |_: &Request, _: &Client| {
        asked.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(StatusCode::FORBIDDEN)
    };
    let handler = async move |_: Client| {
        begun.fetch_add(1, Ordering::Relaxed);
    };
    let app = Router::new()
        .route("/feed", get(sse::feed(&broker).on_connect(hook)))
        .route("/endpoint", get(sse::endpoint(handler)))
        .route(
            "/blocking",
            get(sse::blocking_endpoint(|client: Client| assert!(client.is_closed(), "it runs"))),
        );
    let server = serve(engine, app);
    let mut peer = server.connect();
    for path in ["/feed", "/endpoint", "/blocking"] {
        peer.send(request(path).replace("GET", "HEAD"));
        let head = Answer::receive_head(&mut peer).expect("a head comes");
        assert_eq!(head.status, 200);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(head.header(name), Some(value), "{path}");
        }
    }
    assert_eq!((calls.load(Ordering::Relaxed), server.stats().streams), (0, 0));
    assert_eq!(server.stats().handler_panics, 0);
}

on_every_engine! {
    refused_stream_gets_its_status_and_body_before_any_stream_head,
    admitted_stream_begins_with_the_hooks_headers_and_events,
    nothing_is_sent_while_the_hook_waits,
    headers_of_the_head_are_set_but_cookies_add_up,
    client_that_leaves_while_the_hook_waits_leaves_nothing_behind,
    hook_that_panics_is_answered_with_500,
    client_that_the_hook_closes_gets_a_stream_that_ends,
    head_is_answered_without_asking_anybody,
}
