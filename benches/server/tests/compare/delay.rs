//! A proxy before a server whose answers and events come late, as if it slept before each send.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What every send is late by. Long enough that no machine is so slow of itself.
pub(crate) const DELAY: Duration = Duration::from_millis(400);

/// Starts a proxy to `server`, which goes on until the test process ends.
pub(crate) fn start(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A server that has ended takes nobody any more.
            let Ok(server) = TcpStream::connect(server) else { continue };
            let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
            let (from, to) = (copy(&client), copy(&server));
            thread::spawn(move || forward(from, to, Duration::ZERO));
            thread::spawn(move || forward(server, client, DELAY));
        }
    });
    addr
}

fn forward(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    // Either side may leave: then the other is told.
    copy(&mut from, &mut to, delay).ok();
    to.shutdown(Shutdown::Write).ok();
}

fn copy(from: &mut TcpStream, to: &mut TcpStream, delay: Duration) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        thread::sleep(delay);
        to.write_all(&bytes[..count])?;
    }
}
