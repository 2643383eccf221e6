//! A server of one worker on the epoll engine, and a client in lock-step with it: what it sends leaves in
//! one piece, and nothing more before all answers are here. So a run of it is the same each time.

use crate::asked;
use headwater::extract::Json;
use headwater::routing::{get, post};
use headwater::sse::{self, Event};
use headwater::{Engine, Hub, IntoResponse, Router, Server};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take, also under valgrind on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const HELLO: &str = "Hello, World!";
const SUBSCRIBERS: usize = 64;
/// Of a head, an answer or an event.
const ROOM_BYTES: usize = 4096;

/// What is asked, over and over.
pub(crate) struct Course {
    request: &'static str,
    /// The end of each answer.
    answer: &'static str,
    /// Requests sent at once.
    depth: usize,
    /// Streams that get an event for each request.
    subscribers: usize,
    /// Rounds of the shorter run.
    rounds: u32,
}

/// One small request at a time.
pub(crate) const PLAIN: Course = Course {
    request: asked::SMALL,
    answer: "\r\n\r\nHello, World!",
    depth: 1,
    subscribers: 0,
    rounds: 500,
};

/// 16 of them at once.
pub(crate) const PIPELINED: Course = Course { depth: 16, rounds: 100, ..PLAIN };

/// A request as browsers send it.
pub(crate) const BROWSER: Course = Course { request: asked::BROWSER, ..PLAIN };

/// A value read from the request and written to the answer.
pub(crate) const JSON: Course = Course {
    request: "POST /json HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
              Content-Length: 17\r\n\r\n[\"Hello, World!\"]",
    answer: "\r\n\r\n[\"Hello, World!\"]",
    ..PLAIN
};

/// The data of one event for all.
pub(crate) const PUBLISH: Course = Course {
    request: "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\nHello, World!",
    answer: "\r\n\r\npublished",
    depth: 1,
    subscribers: SUBSCRIBERS,
    rounds: 50,
};

/// Serves until the input ends; says where.
pub(crate) fn serve() -> Result<(), String> {
    let broker = Hub::new().broker("news").build();
    let feed = sse::feed(&broker).heartbeat(None);
    let publish = move |body: String| match broker.publish(Event::data(body)) {
        Ok(_) => "published".into_response(),
        Err(refused) => refused.into_response(),
    };
    // A list of one text: a type that serde reads and writes without more ado.
    let json = |Json(list): Json<(String,)>| Json(list);
    let app = Router::new()
        .route("/plaintext", get(|| HELLO))
        .route("/json", post(json))
        .route("/events", get(feed))
        .route("/publish", post(publish));
    let server = Server::builder().bind("127.0.0.1:0").engine(Engine::Epoll).workers(1);
    let server = server.serve(app).map_err(|error| error.to_string())?;
    println!("{}", server.local_addrs()[0]);
    io::stdin().read_to_end(&mut Vec::new()).map_err(|error| error.to_string())?;
    server.drain(Duration::ZERO).wait().map(drop).map_err(|error| error.to_string())
}

impl Course {
    /// Rounds of a short and of a long run.
    pub(crate) fn lengths(&self) -> (u32, u32) {
        (self.rounds, self.rounds * 4)
    }

    /// What is counted happens so often in these rounds: requests, or deliveries.
    pub(crate) fn times(&self, rounds: u32) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "these are constants of this file")]
        let each = (self.depth * self.subscribers.max(1)) as f64;
        f64::from(rounds) * each
    }

    /// Sends this many rounds to the server at this address, and looks at each answer.
    pub(crate) fn run(&self, addr: &str, rounds: u32) -> Result<(), String> {
        let failed = |error: io::Error| format!("{addr}: {error}");
        let mut streams = Vec::new();
        for _ in 0..self.subscribers {
            streams.push(subscribe(addr).map_err(failed)?);
        }
        let mut connection = connect(addr).map_err(failed)?;
        let requests = self.request.repeat(self.depth);
        for round in 1..=rounds {
            connection.write_all(requests.as_bytes()).map_err(failed)?;
            let answers = read_until(&mut connection, |bytes| {
                bytes.ends_with(self.answer.as_bytes()) && self.answers(bytes) == self.depth
            });
            let answers = answers.map_err(failed)?;
            let ok = answers.windows(13).filter(|bytes| bytes == b"HTTP/1.1 200 ").count();
            if ok != self.depth {
                return Err(format!("not 200: {}", String::from_utf8_lossy(&answers)));
            }
            // The broker is alone on its hub, so that its ids have no gaps.
            let event = format!("\r\nid: {round}\ndata: {HELLO}\n\n\r\n");
            for stream in &mut streams {
                read_until(stream, |bytes| bytes.ends_with(event.as_bytes())).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn answers(&self, bytes: &[u8]) -> usize {
        let answer = self.answer.as_bytes();
        bytes.windows(answer.len()).filter(|window| *window == answer).count()
    }
}

fn connect(addr: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn subscribe(addr: &str) -> io::Result<TcpStream> {
    let mut stream = connect(addr)?;
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let head = read_until(&mut stream, |bytes| bytes.ends_with(b"\r\n\r\n"))?;
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other(format!("no stream: {}", String::from_utf8_lossy(&head))));
    }
    Ok(stream)
}

/// Reads until what came is what is waited for.
fn read_until(stream: &mut TcpStream, whole: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let (mut room, mut bytes) = ([0; ROOM_BYTES], Vec::new());
    while !whole(&bytes) {
        match stream.read(&mut room) {
            Ok(0) => return Err(unexpected("the connection ended after", &bytes)),
            Ok(count) => bytes.extend_from_slice(&room[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(unexpected("nothing more came than", &bytes));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

fn unexpected(what: &str, bytes: &[u8]) -> io::Error {
    io::Error::other(format!("{what}: {:?}", String::from_utf8_lossy(bytes)))
}
