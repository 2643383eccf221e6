//! Plays a script on one engine and writes down what its clients see, step by step. Everything is
//! waited for before the next step, so that nothing depends on who is quicker.

use super::steps::{Ask, BROKERS, CLIENTS, Step};
use crate::support::{Answer, Numbers, Peer, Running, Subscriber, eventually, pattern, serve};
use headwater::sse::{self, Broker, Event};
use headwater::{Engine, Hub, Router, routing::get};
use std::time::Duration;

/// The longest piece that requests are cut into.
const PIECE: usize = 3000;

struct Stage {
    server: Running,
    brokers: Vec<Broker>,
    clients: [Role; CLIENTS],
}

enum Role {
    Away,
    Asking(Peer),
    Subscribed(Subscriber, usize),
}

/// What clients see, one line per step, and one for the end.
pub(super) fn play(engine: Engine, script: &[Step]) -> Vec<String> {
    let hub = Hub::new();
    let brokers: Vec<Broker> = (0..BROKERS)
        .map(|number| hub.broker(number.to_string()).subscriber_buffer(10_000).build())
        .collect();
    let server = serve(engine, app(&brokers));
    let clients = [(); CLIENTS].map(|()| Role::Away);
    let mut stage = Stage { server, brokers, clients };
    let mut seen: Vec<String> = script.iter().map(|step| stage.play(step)).collect();
    seen.push(stage.end());
    seen
}

fn app(brokers: &[Broker]) -> Router {
    let later = async || {
        headwater::time::sleep(Duration::from_millis(1)).await;
        "later"
    };
    let fail = async || -> &'static str { panic!("on purpose: in a script") };
    let app = Router::new()
        .route("/", get(|| "ok").post(|| "posted"))
        .route("/later", get(later))
        .route("/large", get(|| pattern(500_000)))
        .route("/empty", get(|| ()))
        .route("/fail", get(fail))
        .route("/echo", headwater::routing::post(|body: String| body));
    brokers.iter().enumerate().fold(app, |app, (number, broker)| {
        app.route(&format!("/events/{number}"), get(sse::feed(broker).heartbeat(None)))
    })
}

impl Stage {
    fn play(&mut self, step: &Step) -> String {
        match step {
            Step::Ask { client, requests, cut, last } => self.ask(*client, requests, *cut, *last),
            Step::Misbehave { client, bytes } => {
                let mut peer = self.asking(*client);
                peer.send(bytes);
                let answer = peer.answer();
                peer.expect_end();
                show(&answer)
            }
            Step::Subscribe { client, broker, behind } => {
                let mut peer = self.asking(*client);
                let mut seen = String::new();
                let path = format!("/events/{broker}");
                let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
                let subscriber = if let Some(ask) = behind {
                    peer.send(ask.bytes() + &request);
                    seen = show(&receive(&mut peer, *ask));
                    Subscriber::ask(peer, "")
                } else {
                    Subscriber::ask(peer, request)
                };
                seen += &subscriber.head.head_without_date();
                self.clients[*client] = Role::Subscribed(subscriber, *broker);
                seen
            }
            Step::Publish { broker, bytes } => self.publish(*broker, *bytes),
            Step::Chatter { client } => {
                if let Role::Subscribed(subscriber, _) = &mut self.clients[*client] {
                    subscriber.peer.send("GET /fail HTTP/1.1\r\nhost: test\r\n\r\n".repeat(9));
                }
                String::new()
            }
            Step::Leave { client, reset } => self.leave(*client, *reset),
        }
    }

    /// The connection of a client that is no subscriber; it is away until it is put back.
    fn asking(&mut self, client: usize) -> Peer {
        match std::mem::replace(&mut self.clients[client], Role::Away) {
            Role::Asking(peer) => peer,
            Role::Away => self.server.connect(),
            Role::Subscribed(..) => unreachable!("scripts know who subscribes"),
        }
    }

    fn ask(&mut self, client: usize, requests: &[Ask], cut: u64, last: bool) -> String {
        let mut peer = self.asking(client);
        let bytes: String = requests.iter().map(|ask| ask.bytes()).collect();
        let mut sender = peer.clone_to_send();
        let answers = std::thread::scope(|scope| {
            scope.spawn(move || {
                for piece in Numbers::new(cut).cut(bytes.as_bytes(), PIECE) {
                    sender.send(piece);
                }
                if last {
                    sender.finish();
                }
            });
            let answers = requests.iter().map(|ask| show(&receive(&mut peer, *ask)));
            answers.collect::<Vec<String>>()
        });
        if last {
            peer.expect_end();
        } else {
            self.clients[client] = Role::Asking(peer);
        }
        // Whether the last answer says so depends on how soon the end arrives.
        answers.concat().replace("connection: close\r\n", "")
    }

    fn publish(&mut self, broker: usize, bytes: usize) -> String {
        let event = Event::data("e".repeat(bytes));
        let published = self.brokers[broker].publish(event).expect("there is room");
        let mut seen = format!("published {}", published.id);
        for client in &mut self.clients {
            if let Role::Subscribed(subscriber, of) = client
                && *of == broker
            {
                let heard = subscriber.event();
                let length = heard.data.as_ref().map(String::len);
                seen += format!(", heard {:?} {:?} {length:?}", heard.id, heard.name).as_str();
            }
        }
        seen
    }

    fn leave(&mut self, client: usize, reset: bool) -> String {
        match std::mem::replace(&mut self.clients[client], Role::Away) {
            Role::Away => unreachable!("scripts know who is there"),
            Role::Asking(peer) | Role::Subscribed(Subscriber { peer, .. }, _) if reset => {
                peer.reset();
            }
            Role::Asking(_) | Role::Subscribed(..) => {}
        }
        let here = self.clients.iter().filter(|role| !matches!(role, Role::Away)).count();
        self.server.wait_for_connections(here);
        let subscribers = self.brokers.iter().map(Broker::subscribers);
        format!("left: {:?} subscribed", subscribers.collect::<Vec<usize>>())
    }

    /// All brokers are closed, and everybody is sent home.
    fn end(mut self) -> String {
        self.brokers.iter().for_each(Broker::close);
        for client in &mut self.clients {
            if let Role::Subscribed(subscriber, _) = client {
                subscriber.expect_end();
            }
            *client = Role::Away;
        }
        eventually("nobody is subscribed", || self.brokers.iter().all(|b| b.subscribers() == 0));
        self.server.wait_for_connections(0);
        let stats = self.server.stats();
        let counts = (stats.accepted, stats.requests, stats.refused, stats.handler_panics);
        let delivered = (stats.events_delivered, stats.streams, stats.owed_bytes);
        let published: u64 = self.brokers.iter().map(Broker::published).sum();
        format!("{counts:?} {delivered:?} {published}")
    }
}

fn receive(peer: &mut Peer, ask: Ask) -> Answer {
    match ask {
        Ask::Head(_) => Answer::receive_head(peer).expect("an answer comes before the end"),
        _ => peer.answer(),
    }
}

/// What of an answer must be the same everywhere.
fn show(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let shown: String = text.chars().take(60).collect();
    format!("{}{} bytes: {shown}\n", answer.head_without_date(), answer.body.len())
}
