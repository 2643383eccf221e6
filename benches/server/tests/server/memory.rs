//! Locked memory is short: rings are smaller, which is said, and no worker goes missing.

use crate::client::Connection;
use crate::process::Server;

/// Pitfall: a memory-lock limit silently cut 2 workers to 1.
#[test]
fn memory_lock_limit_takes_no_worker_away_and_is_said() {
    // Room for one large ring or for two small ones: not for two large ones.
    let server = Server::start_short_of_memory(256, "io_uring", "--rate 0 --workers 2");
    assert_eq!((server.announced("engine"), server.announced("workers")), ("io_uring", "2"));
    let mut asking = Connection::open(server.addr);
    let info = asking.get("/info").body;
    // Which worker gets the large one, or whether other rings of this user leave room for it, is
    // not ours to say.
    let smaller = info.contains(" 256 submissions, ") || info.contains(" 64 submissions, ");
    assert!(smaller, "what a worker was granted is not said: {info}");
    // Both take connections in: the kernel spreads them.
    let mut crowd: Vec<_> = (0..64).map(|_| Connection::open(server.addr)).collect();
    for connection in &mut crowd {
        assert_eq!(connection.get("/plaintext").status, 200);
    }
    server.stop_after((asking, crowd));
}

/// The self-test needs less than the workers do.
#[test]
fn auto_serves_with_whatever_memory_may_be_locked() {
    for kib in [8, 20, 32, 64] {
        let server = Server::start_short_of_memory(kib, "auto", "--rate 0 --workers 2");
        assert_eq!(server.announced("workers"), "2", "{kib} KiB");
        assert_eq!(Connection::open(server.addr).get("/plaintext").status, 200, "{kib} KiB");
        server.stop();
    }
}
