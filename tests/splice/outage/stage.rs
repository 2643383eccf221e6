//! What an outage is watched from: a server with one core, two brokers with a store, one for each thing that
//! may become of events which it does not take, and beside them a plain broker.

use crate::listener::{Heard, Listener};
use crate::server::{Program, Server as Database};
use crate::store::{open_within, stored_after};
use crate::{PATIENCE, number, until};
use headwater::http::StatusCode;
use headwater::routing::{get, post};
use headwater::sse::replay::{ReplayStore, Scope};
use headwater::sse::{self, Broker, Event, StoreFailure};
use headwater::{Engine, Hub, Router, Server, ServerHandle};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events that may wait for the store.
pub(super) const QUEUE: usize = 200;
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Between two events of the plain broker.
const PACE: Duration = Duration::from_millis(10);

pub(super) struct Stage {
    plain: Broker,
    /// Refuses what the store does not take.
    pub(super) refusing: Broker,
    /// Sends it without an id.
    sending: Broker,
    plain_listener: Listener,
    refusing_listener: Listener,
    sending_listener: Listener,
    /// Is cut off in between.
    returning_listener: Listener,
    store: Arc<dyn ReplayStore>,
    server: ServerHandle,
    /// Before the outage.
    connections: [usize; 3],
}

impl Stage {
    pub(super) fn start(
        engine: Engine,
        program: Program,
        database: &Database,
        timeout: Duration,
    ) -> Self {
        let grace = timeout + Duration::from_secs(1);
        let store = open_within(program, database.port, timeout, grace);
        let hub = Hub::new();
        let kept = |name, failure| {
            let broker = hub.broker(name).replay(store.clone()).store_failure(failure);
            broker.store_queue(QUEUE).build()
        };
        let plain = hub.broker("plain").build();
        let refusing = kept("refusing", StoreFailure::Refuse);
        let sending = kept("sending", StoreFailure::SendWithoutId);
        let publisher = refusing.clone();
        let publish =
            async move |text: String| match publisher.publish_async(Event::data(text)).await {
                Ok(_) => StatusCode::OK,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
        let feed = |broker| get(sse::feed(broker).heartbeat(HEARTBEAT));
        let app = Router::new()
            .route("/", get(async || "here"))
            .route("/publish", post(publish))
            .route("/plain", feed(&plain))
            .route("/refusing", feed(&refusing))
            .route("/sending", feed(&sending));
        // One, so that all share it.
        let server = Server::builder().hub(&hub).bind("127.0.0.1:0").engine(engine).workers(1);
        let server = server.serve(app).expect("a free port of the loopback");
        let addr = server.local_addrs()[0];
        let [plain_listener, refusing_listener, sending_listener, returning_listener] =
            ["/plain", "/refusing", "/sending", "/refusing"]
                .map(|path| Listener::start(addr, path));
        let mut stage = Self {
            plain,
            refusing,
            sending,
            plain_listener,
            refusing_listener,
            sending_listener,
            returning_listener,
            store,
            server,
            connections: [0; 3],
        };
        let count = Broker::subscriber_count;
        until("all listen", || {
            let Self { plain, refusing, sending, .. } = &stage;
            (count(plain), count(refusing), count(sending)) == (1, 2, 1)
        });
        stage.all_are_up_to_date();
        stage.connections = stage.connections();
        stage
    }

    /// Those with a store.
    pub(super) fn kept(&self) -> [&Broker; 2] {
        [&self.refusing, &self.sending]
    }

    /// Who listens to them.
    pub(super) fn listeners(&self) -> [&Listener; 2] {
        [&self.refusing_listener, &self.sending_listener]
    }

    /// Publishes until all who listen get that as it is published, and not from the store: who has just begun
    /// may have to ask it once more.
    fn all_are_up_to_date(&self) {
        let replayed =
            || self.kept().map(|broker| broker.replay_stats().expect("it has a store").replayed);
        let mut turn = 0;
        until("all are up to date", || {
            turn += 1;
            let (text, before) = (format!("before {turn}"), replayed());
            self.kept().iter().for_each(|broker| _ = publish_at_last(broker, &text));
            let [refusing, sending] = self.listeners();
            let all = [refusing, sending, &self.returning_listener];
            let next_turn = Instant::now() + Duration::from_secs(1);
            // Who was cut off before it had begun does not get this one.
            while !all.iter().all(|listener| listener.heard().has(&text)) {
                if Instant::now() > next_turn {
                    return false;
                }
                std::thread::sleep(PACE);
            }
            replayed() == before
        });
    }

    /// How often those have connected who are to stay.
    fn connections(&self) -> [usize; 3] {
        [&self.plain_listener, &self.refusing_listener, &self.sending_listener]
            .map(|listener| listener.heard().connections)
    }

    /// For so long at least: streams, old and new, of the plain broker, requests, and heartbeats of all.
    /// Each has to come before the next is waited for.
    pub(super) fn others_go_on_for(&self, time: Duration) {
        let heartbeats = || self.listeners().map(|listener| listener.heard().heartbeats);
        let before = heartbeats();
        self.returning_listener.comes_back();
        let newcomer = Listener::start(self.addr(), "/plain");
        until("a newcomer listens", || self.plain.subscriber_count() == 2);
        let (end, mut many) = (Instant::now() + time, 0);
        while many < 20 || Instant::now() < end {
            many += 1;
            let text = format!("plain {many}");
            self.plain.publish(Event::data(text.as_str())).expect("nothing is in its way");
            for listener in [&self.plain_listener, &newcomer] {
                listener.hears("a plain event", |heard| heard.has(&text));
            }
            self.ask("GET /", "").expect("here");
            std::thread::sleep(PACE);
        }
        for (listener, before) in self.listeners().into_iter().zip(before) {
            listener.hears("heartbeats", |heard| heard.heartbeats >= before + 2);
        }
    }

    fn addr(&self) -> SocketAddr {
        self.server.local_addrs()[0]
    }

    /// Sends a request on a connection of its own.
    pub(super) fn ask(&self, what: &str, body: &str) -> Asked {
        let mut stream = TcpStream::connect(self.addr()).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
        let length = body.len();
        let request =
            format!("{what} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("the server reads");
        Asked(stream)
    }

    /// Whoever was there was never cut off, and got what the store has; so did who came back, unless the store
    /// has forgotten what was before.
    pub(super) fn finish(self, program: Program, has_forgotten: bool) {
        let end = self.refusing_listener.heard().last_id;
        self.returning_listener.hears("the end", |heard| heard.last_id >= end);
        assert_eq!(self.connections(), self.connections, "nobody was cut off");
        assert!(self.returning_listener.heard().connections > 1);
        let all = [
            (&self.refusing, &self.refusing_listener),
            (&self.sending, &self.sending_listener),
            (&self.refusing, &self.returning_listener),
        ];
        for (broker, listener) in all {
            let heard = listener.heard();
            assert_whole(&heard, broker.name());
            if has_forgotten {
                continue;
            }
            let scope = Scope::topic(broker.name());
            let begin = heard.begin.expect("it has begun");
            let mut stored = Vec::new();
            until("the store has all", || {
                stored = stored_after(&*self.store, &scope, begin);
                stored.len() >= heard.ids().len()
            });
            // What was in doubt may have come after the end, or have been sent without an id before it.
            let (ids, without) = (heard.ids(), heard.events.len() - heard.ids().len());
            stored.retain(|id| Some(id) <= ids.last());
            let missing = stored.iter().filter(|id| ids.binary_search(id).is_err()).count();
            assert!(missing <= without, "{program:?}, {}: not all: {ids:?}", broker.name());
            assert_eq!(ids.len() + missing, stored.len(), "some that are not stored");
        }
        drop((self.plain_listener, self.refusing_listener, self.sending_listener));
        drop(self.returning_listener);
        self.server.drain(Duration::ZERO).wait().expect("no worker fails");
    }
}

/// Nothing came twice, or before what was before it.
pub(super) fn assert_whole(heard: &Heard, what: &str) {
    let ids = heard.ids();
    assert!(ids.is_sorted_by(|one, next| one < next), "{what}: {ids:?}");
}

/// Publishes until the store takes it.
pub(super) fn publish_at_last(broker: &Broker, text: &str) -> u64 {
    let stored = || broker.replay_stats().expect("it has a store").stored;
    let mut last = None;
    until("the store takes events", || {
        let before = stored();
        let published = broker.publish_wait(Event::data(text), None);
        // One that was sent without an id was not stored.
        last = published.ok().filter(|_| stored() > before).map(|published| number(&published.id));
        last.is_some()
    });
    last.expect("it was stored")
}

/// A request under way.
pub(super) struct Asked(TcpStream);

impl Asked {
    /// Waits for an answer that has this in it.
    pub(super) fn expect(&mut self, text: &str) {
        let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
        while !String::from_utf8_lossy(&answer).contains(text) {
            match self.0.read(&mut piece) {
                Ok(count) if count > 0 => answer.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => {
                    panic!("no {text:?}: {other:?} after {:?}", String::from_utf8_lossy(&answer))
                }
            }
        }
    }
}
