//! Many clients on one thread, read side by side as a crowd of browsers would be.

use crate::client::{SUBSCRIBE, connect};
use crate::decode::Decoder;
use crate::process::PATIENCE;
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Clients whose streams are read whenever the crowd is told to.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    pub(crate) members: Vec<Member>,
}

/// One of them.
pub(crate) struct Member {
    stream: Option<TcpStream>,
    pub(crate) decoder: Decoder,
}

impl Crowd {
    /// Connects this many, without waiting for any answer.
    pub(crate) fn subscribe(addr: SocketAddr, count: usize) -> Self {
        let poll = Poll::new().expect("a poll object");
        let member = |index| {
            let mut stream = connect(addr);
            stream.write_all(SUBSCRIBE).expect("an empty socket has room");
            stream.set_nonblocking(true).expect("an option can be set");
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(index), Interest::READABLE)
                .expect("a socket can be watched");
            Member { stream: Some(stream), decoder: Decoder::default() }
        };
        let members = (0..count).map(member).collect();
        Self { poll, events: Events::with_capacity(1024), members }
    }

    /// Reads until every member that is still there satisfies this. `what` names it in a failure.
    pub(crate) fn read_until(&mut self, what: &str, reached: impl Fn(&Decoder) -> bool) {
        let start = Instant::now();
        while !self.present().all(|member| reached(&member.decoder)) {
            assert!(start.elapsed() < PATIENCE, "never came: {what}");
            self.read();
        }
    }

    /// Reads whatever is there, or comes within a moment.
    pub(crate) fn read(&mut self) {
        let moment = Some(Duration::from_millis(20));
        match self.poll.poll(&mut self.events, moment) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            polled => polled.expect("the crowd can be watched"),
        }
        for event in &self.events {
            self.members[event.token().0].read();
        }
    }

    /// Those that have not left.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.stream.is_some())
    }

    /// Closes the connections of those members. Returns how many.
    pub(crate) fn leave(&mut self, who: impl Fn(&Decoder) -> bool) -> usize {
        let there = self.members.iter_mut().filter(|member| member.stream.is_some());
        there.filter(|member| who(&member.decoder)).map(|member| member.stream = None).count()
    }
}

impl Member {
    fn read(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut buffer) {
                Ok(0) => panic!("the server closed the connection of a subscriber"),
                Ok(count) => self.decoder.receive(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the connection of a subscriber broke: {error}"),
            }
        }
    }
}
