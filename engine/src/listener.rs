//! Makes the listeners of the workers: one each on the same address, which nobody else can share.
//! Never accepts: see the engines.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// What is set on a listener; accepted connections inherit it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SocketOptions {
    /// How many connections the kernel queues per listener until they are accepted. Default 4096; the
    /// kernel may allow less (`net.core.somaxconn`).
    pub backlog: u32,
    /// Sends small segments at once (`TCP_NODELAY`). Default true.
    pub nodelay: bool,
    /// How many bytes not sent yet the kernel takes per connection (`TCP_NOTSENT_LOWAT`), Linux only.
    /// Default 16 KiB. `None` leaves megabytes in the kernel for every slow reader.
    pub notsent_lowat_bytes: Option<u32>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { backlog: 4096, nodelay: true, notsent_lowat_bytes: Some(16 * 1024) }
    }
}

/// Listens on `addr` with one listener per worker (at least one). Port 0 becomes the same free port
/// for all of them.
///
/// On Linux the kernel spreads connections over the listeners. Elsewhere they are handles of one, and
/// whoever is quickest accepts.
///
/// # Errors
/// `AddrInUse` when anybody listens there already, another instance of this program included, and
/// whatever else the system has against it.
pub fn bind(
    addr: SocketAddr,
    workers: usize,
    options: &SocketOptions,
) -> io::Result<Vec<TcpListener>> {
    // The first one binds and listens without SO_REUSEPORT: that fails if anybody is there, even a
    // socket that would share. Linux checks for conflicts again in listen, so of two instances that
    // start at the same time only one passes. Sharing is allowed after that, for our other listeners;
    // another instance's first one still does not offer to share, and fails.
    let first = bound(addr, options, false)?;
    listen(&first, options)?;
    if !cfg!(target_os = "linux") {
        return clones(first.into(), workers);
    }
    if workers > 1 {
        first.set_reuse_port(true)?;
    }
    let mut listeners = vec![TcpListener::from(first)];
    let addr = listeners[0].local_addr()?;
    for _ in 1..workers {
        let further = bound(addr, options, true)?;
        listen(&further, options)?;
        listeners.push(further.into());
    }
    Ok(listeners)
}

/// Handles of a listener that exists already (inherited from a service manager, or made by a test),
/// one per worker. Sets the default [`SocketOptions`] on it, but for the backlog.
///
/// # Errors
/// When the system refuses an option or a further handle.
pub fn from_listener(listener: TcpListener, workers: usize) -> io::Result<Vec<TcpListener>> {
    set_inherited(&SockRef::from(&listener), &SocketOptions::default())?;
    clones(listener, workers)
}

fn bound(addr: SocketAddr, options: &SocketOptions, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier run that linger in TIME_WAIT do not block a restart.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    set_inherited(&socket, options)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

fn listen(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))
}

fn set_inherited(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.nodelay)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(bytes) = options.notsent_lowat_bytes {
        socket.set_tcp_notsent_lowat(bytes)?;
    }
    Ok(())
}

fn clones(listener: TcpListener, workers: usize) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(workers.max(1));
    for _ in 1..workers {
        listeners.push(listener.try_clone()?);
    }
    listeners.push(listener);
    Ok(listeners)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::{io::ErrorKind, net::TcpStream, time::Duration};

    fn loopback(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn bind_loopback(workers: usize) -> Vec<TcpListener> {
        bind(loopback(0), workers, &SocketOptions::default()).expect("a free port exists")
    }

    #[test]
    fn second_instance_on_the_same_port_fails() {
        for workers in [1, 2] {
            let listeners = bind_loopback(workers);
            let addr = listeners[0].local_addr().unwrap();
            for others in [1, 2] {
                let refused = bind(addr, others, &SocketOptions::default()).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::AddrInUse, "{workers} and {others}");
            }
            assert_eq!(TcpListener::bind(addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn port_of_a_plain_listener_is_refused() {
        let plain = TcpListener::bind(loopback(0)).unwrap();
        let addr = plain.local_addr().unwrap();
        for workers in [1, 2] {
            let refused = bind(addr, workers, &SocketOptions::default()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn of_instances_that_race_for_a_port_one_wins() {
        for _ in 0..20 {
            let addr = bind_loopback(1)[0].local_addr().unwrap();
            let start = std::sync::Barrier::new(3);
            let won = std::thread::scope(|scope| {
                let race = || {
                    start.wait();
                    bind(addr, 2, &SocketOptions::default())
                };
                let racers: Vec<_> = (0..3).map(|_| scope.spawn(race)).collect();
                let ends = racers.into_iter().map(|racer| racer.join().expect("no panic"));
                // Collected first, so that no winner closes before the others have tried.
                let ends: Vec<_> = ends.collect();
                ends.iter().filter(|end| end.is_ok()).count()
            });
            assert!(won <= 1, "{won} instances on one port");
        }
    }

    #[test]
    fn all_listeners_share_the_port_and_get_connections() {
        let listeners = bind_loopback(2);
        let addr = listeners[0].local_addr().unwrap();
        assert_ne!(addr.port(), 0);
        assert_eq!(listeners[1].local_addr().unwrap(), addr);
        let _peers: Vec<TcpStream> =
            (0..100).map(|_| TcpStream::connect(addr).expect("the backlog has room")).collect();
        let mut accepted = Vec::new();
        for listener in &listeners {
            listener.set_nonblocking(true).unwrap();
            accepted.push(std::iter::from_fn(|| listener.accept().ok()).count());
        }
        assert_eq!(accepted.iter().sum::<usize>(), 100);
        if cfg!(target_os = "linux") {
            assert!(accepted.iter().all(|count| *count > 0), "{accepted:?}");
        }
    }

    #[test]
    fn ipv6_works() {
        let addr = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
        if TcpListener::bind(addr).is_err() {
            return; // This machine has no IPv6.
        }
        let listeners = bind(addr, 2, &SocketOptions::default()).unwrap();
        let addr = listeners[0].local_addr().unwrap();
        TcpStream::connect_timeout(&addr, Duration::from_secs(10)).unwrap();
        let refused = bind(addr, 2, &SocketOptions::default()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn accepted_connection_inherits_the_options() {
        let listeners = bind_loopback(1);
        let peer = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        let (accepted, _) = listeners[0].accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(SockRef::from(&accepted).tcp_notsent_lowat().unwrap(), 16 * 1024);
        drop(peer);
    }

    #[test]
    fn given_listener_is_handed_to_every_worker() {
        let given = TcpListener::bind(loopback(0)).unwrap();
        let addr = given.local_addr().unwrap();
        let listeners = from_listener(given, 3).unwrap();
        assert_eq!(listeners.len(), 3);
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == addr));
        let _peer = TcpStream::connect(addr).unwrap();
        assert!(listeners[2].accept().unwrap().0.nodelay().unwrap());
    }
}
