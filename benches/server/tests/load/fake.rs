//! A small server for testing the load against: threads and blocking sockets, with faults on
//! demand. Speaks just enough HTTP for `load`; it is no model for a real one.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What to do with an event for one subscriber.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Plan {
    Send,
    Skip,
    Twice,
    /// Send it behind the next one.
    Later,
    /// Close the connection instead.
    Close,
    /// Send neither this one nor any after it.
    Forget,
}

/// How a server misbehaves; both numbers count from 0.
pub(crate) struct Faults {
    /// For (subscriber, event).
    pub(crate) plan: fn(usize, u64) -> Plan,
    /// Status of the answer to the publish of this number.
    pub(crate) status: fn(u64) -> u16,
    /// Status of the answer to the subscription of this number.
    pub(crate) subscribe: fn(usize) -> u16,
    /// How long all stands still before the event of this number goes out.
    pub(crate) pause: fn(u64) -> Duration,
    /// Publish an event of the server's own before each.
    pub(crate) ticks: bool,
    /// Send a client what came after the id it returns with.
    pub(crate) replay: bool,
}

/// A server without fault.
pub(crate) const SOUND: Faults = Faults {
    plan: |_, _| Plan::Send,
    status: |_| 200,
    subscribe: |_| 200,
    pause: |_| Duration::ZERO,
    ticks: false,
    replay: false,
};

struct Server {
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    asked: usize,
    publishes: u64,
    events: u64,
    /// Each with the id that is its place.
    kept: Vec<Vec<u8>>,
    sends: u64,
}

struct Subscriber {
    stream: Option<TcpStream>,
    later: Option<Vec<u8>>,
    forgotten: bool,
}

/// Starts a server; it serves until the test's process ends.
pub(crate) fn start(faults: Faults) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let server = Arc::new(Server { faults, state: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            // A client that leaves ends its thread with an error; that is no fault of the test.
            thread::spawn(move || server.serve(stream).ok());
        }
    });
    addr
}

impl Server {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_request(&mut reader)? {
            match request.line.split(' ').nth(1) {
                Some("/events") => return self.subscribe(stream, request.last_event_id),
                Some("/publish") => {
                    let status = self.publish(&request.body);
                    write!(&stream, "HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n1\n")?;
                }
                Some("/metrics") => return self.metrics(stream),
                _ => panic!("{}", request.line),
            }
        }
        Ok(())
    }

    /// Counts in the text format of Prometheus.
    fn metrics(&self, mut stream: TcpStream) -> io::Result<()> {
        let sends = self.state.lock().expect("no thread panics with the lock").sends;
        write!(
            stream,
            "HTTP/1.1 200 OK\r\n\r\n# TYPE fake_sends_total counter\nfake_sends_total {sends}\n\
             fake_events_delivered_total {}\n",
            2 * sends
        )
    }

    fn subscribe(&self, mut stream: TcpStream, last_event_id: Option<usize>) -> io::Result<()> {
        let mut state = self.state.lock().expect("no thread panics with the lock");
        let status = (self.faults.subscribe)(state.asked);
        state.asked += 1;
        if status != 200 {
            return write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        }
        let position = chunk(&format!("id: {}\n\n", state.kept.len()));
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
              Transfer-Encoding: chunked\r\n\r\n",
        )?;
        match last_event_id.filter(|_| self.faults.replay) {
            Some(id) => stream.write_all(&state.kept[id..].concat())?,
            None => stream.write_all(&position)?,
        }
        // A reader that is stuck loses events here, and delays nobody.
        stream.set_nonblocking(true)?;
        state.subscribers.push(Subscriber { stream: Some(stream), later: None, forgotten: false });
        Ok(())
    }

    fn publish(&self, body: &str) -> u16 {
        let mut state = self.state.lock().expect("no thread panics with the lock");
        let state = &mut *state;
        let status = (self.faults.status)(state.publishes);
        state.publishes += 1;
        if status != 200 {
            return status;
        }
        if self.faults.ticks {
            let tick = state.event("tick");
            for subscriber in &mut state.subscribers {
                subscriber.send(&tick);
            }
        }
        let number = state.events;
        state.events += 1;
        thread::sleep((self.faults.pause)(number));
        let event = state.event(body);
        for (index, subscriber) in state.subscribers.iter_mut().enumerate() {
            state.sends += 1;
            match (self.faults.plan)(index, number) {
                Plan::Send => subscriber.send(&event),
                Plan::Skip => {}
                Plan::Twice => subscriber.send(&[&event[..], &event[..]].concat()),
                Plan::Later => {
                    subscriber.later = Some(event.clone());
                    continue;
                }
                Plan::Close => subscriber.stream = None,
                Plan::Forget => subscriber.forgotten = true,
            }
            if let Some(later) = subscriber.later.take() {
                subscriber.send(&later);
            }
        }
        status
    }
}

impl State {
    fn event(&mut self, data: &str) -> Vec<u8> {
        let event = chunk(&format!("id: {}\ndata: {data}\n\n", self.kept.len() + 1));
        self.kept.push(event.clone());
        event
    }
}

impl Subscriber {
    fn send(&mut self, bytes: &[u8]) {
        let Some(stream) = self.stream.as_mut().filter(|_| !self.forgotten) else { return };
        match stream.write(bytes) {
            Ok(count) if count == bytes.len() => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Full: what follows would not fit the framing, so nothing follows. Or it has left.
            _ => self.stream = None,
        }
    }
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

struct Request {
    line: String,
    last_event_id: Option<usize>,
    body: String,
}

/// The next request, `None` at the end.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut request = Request { line: String::new(), last_event_id: None, body: String::new() };
    if reader.read_line(&mut request.line)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().expect("a number"),
            Some(("Last-Event-ID", value)) => {
                request.last_event_id = Some(value.parse().expect("a number"));
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8(body).expect("a load publishes text");
    Ok(Some(request))
}
