//! `may_minihttp`: a coroutine per connection on one worker of may. The crate accepts by itself and
//! leaves `TCP_NODELAY` off; it sends the answers to all requests it has read in one write.

use std::io;
use std::net::{SocketAddr, TcpListener};

use clap::Parser;
use headwater_peers::{Flags, PLAINTEXT, announce};
use may_minihttp::{HttpServer, HttpService, Request, Response};

/// A coroutine's stack in words, as it is for this crate elsewhere.
const STACK_WORDS: usize = 0x1000;

#[derive(Clone)]
struct Plaintext;

impl HttpService for Plaintext {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        if request.path() == "/plaintext" {
            response.header("Content-Type: text/plain").body(PLAINTEXT);
        } else {
            response.status_code(404, "Not Found");
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    may::config().set_workers(1).set_pool_capacity(1000).set_stack_size(STACK_WORDS);
    // Who starts it says where it runs.
    may::config().set_worker_pin(false);
    let (addr, server) = loop {
        let addr = chosen(flags.addr)?;
        match HttpServer(Plaintext).start(addr) {
            // Somebody else has taken the port that was free a moment ago.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && addr != flags.addr => {}
            started => break (addr, started?),
        }
    };
    announce(addr)?;
    server.join().map_err(|_| io::Error::other("the server panicked"))
}

/// The address, with a port that is free now in place of port 0: the crate does not tell its own.
fn chosen(addr: SocketAddr) -> io::Result<SocketAddr> {
    if addr.port() == 0 { TcpListener::bind(addr)?.local_addr() } else { Ok(addr) }
}
