//! The bare loop: one thread, one epoll, and per event one `send` to each subscriber; nothing else.
//! It is what a fan-out costs in the kernel, to set others against. Speaks just enough HTTP for a
//! load: see `request`.

mod connection;
mod request;

use std::io;
use std::time::Duration;

use clap::Parser;
use connection::{Connection, Sent};
use headwater_peers::{Flags, PLAINTEXT, announce, event, listen};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use request::Request;
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);

/// How long accepting stands still when there is no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                             Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let mut listener = TcpListener::from_std(listen(flags.addr)?);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(listener.local_addr()?)?;
    let mut server = Server::default();
    let mut events = Events::with_capacity(1024);
    let mut accept_again = false;
    loop {
        match poll.poll(&mut events, accept_again.then_some(ACCEPT_PAUSE)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            match event.token() {
                LISTENER => accept_again = true,
                Token(index) => server.serve(index),
            }
        }
        if accept_again {
            accept_again = !server.accept_all(&listener, &poll)?;
        }
    }
}

#[derive(Default)]
struct Server {
    connections: Slab<Connection>,
    /// Those that have asked for the stream.
    subscribers: Vec<usize>,
    last_id: u64,
    sends: u64,
    delivered: u64,
    dropped: u64,
}

impl Server {
    /// Gives whether nobody waits any more. Without a descriptor the rest waits for the next time.
    fn accept_all(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<bool> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    eprintln!("accepting waits: {error}");
                    return Ok(false);
                }
            };
            stream.set_nodelay(true)?;
            let entry = self.connections.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            entry.insert(Connection::new(stream));
        }
    }

    /// Does what the socket of this connection allows now.
    fn serve(&mut self, index: usize) {
        // Closed meanwhile by an event that could not be sent.
        let Some(connection) = self.connections.get_mut(index) else { return };
        let open = connection.flush() && connection.receive();
        // What came before an end is answered, too.
        while let Some(request) = self.connections[index].next_request() {
            match request {
                Ok(request) => self.answer(index, request),
                Err(reason) => {
                    eprintln!("a request is not understood: {reason}");
                    return self.close(index);
                }
            }
        }
        if !open {
            self.close(index);
        }
    }

    fn answer(&mut self, index: usize, request: Request) {
        let body = match request {
            Request::Subscribe => {
                self.connections[index].send_all(STREAM_HEAD);
                self.subscribers.push(index);
                return;
            }
            Request::Publish(data) => {
                self.publish(&data);
                format!("{} subscribers, id {}\n", self.subscribers.len(), self.last_id)
            }
            Request::Plaintext => PLAINTEXT.to_owned(),
            Request::Metrics => format!(
                "bare_sends_total {}\nbare_events_delivered_total {}\nbare_events_dropped_total {}\n",
                self.sends, self.delivered, self.dropped
            ),
            Request::Unknown => {
                let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                return self.connections[index].send_all(answer);
            }
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.connections[index].send_all((head + &body).as_bytes());
    }

    fn publish(&mut self, data: &str) {
        self.last_id += 1;
        let event = event(self.last_id, data);
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        for &index in &self.subscribers {
            match self.connections[index].send_event(chunk.as_bytes()) {
                Sent::Whole => (self.sends, self.delivered) = (self.sends + 1, self.delivered + 1),
                Sent::Refused => (self.sends, self.dropped) = (self.sends + 1, self.dropped + 1),
                Sent::Stalled => self.dropped += 1,
            }
        }
    }

    fn close(&mut self, index: usize) {
        self.connections.remove(index);
        self.subscribers.retain(|subscriber| *subscriber != index);
    }
}
