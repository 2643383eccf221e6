//! What the peers have in common: their flags, the line that says they are ready, the bytes of an
//! event. Each serves paths of the bench server: `/plaintext`, and most `/events` and `/publish`.
//!
//! What they are measured with:
//!
//! - [`kind`], [`server`]: which they are, and others; how each is started and stopped
//! - [`turns`], [`slice`], [`table`]: slices in turn, what each gave, and how they compare
//! - [`cpu`]: what a server costs
//! - [`client`]: so many requests for `/plaintext`, and no more; [`wrk`]: as many as can be

pub mod client;
pub mod cpu;
pub mod kind;
pub mod server;
pub mod slice;
pub mod table;
pub mod turns;
pub mod wrk;

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Parser;

/// The body of `/plaintext`.
pub const PLAINTEXT: &str = "Hello, World!";

/// Connections that may wait to be accepted, as many as the kernel usually allows.
pub const BACKLOG: u16 = 4096;

/// What a peer is started with.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Flags {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// Events a subscriber may be behind before it loses some (actix and axum: the length of the
    /// broadcast channel)
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    pub channel: usize,
}

/// Says that the server listens: whoever started it waits for this line.
///
/// # Errors
///
/// Standard output may be closed.
pub fn announce(addr: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{addr}")?;
    out.flush()
}

/// The bytes of one event: an id and its data, as the bench server sends them. What a load
/// publishes holds no line break.
pub fn event(id: u64, data: &str) -> String {
    format!("id: {id}\ndata: {data}\n\n")
}

/// A listening socket that does not block, with a backlog of [`BACKLOG`].
///
/// # Errors
///
/// The address may be in use.
pub fn listen(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
