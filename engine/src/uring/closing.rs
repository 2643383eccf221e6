//! Connections that the worker has closed while operations were under way on them: their sockets are
//! shut down, which completes those that the driver has not taken back, and closed after the last
//! completion. A descriptor that is closed before could be another socket's when the kernel looks at
//! what is queued for it.

use super::tag::{Watch, Watches};
use crate::driver::Key;
use std::{
    collections::HashMap,
    net::{Shutdown, TcpStream},
};

#[derive(Debug, Default)]
pub(super) struct Closing {
    sockets: HashMap<Key, Held>,
}

#[derive(Debug)]
struct Held {
    /// Closed when it is dropped.
    _socket: TcpStream,
    watches: Watches,
}

impl Closing {
    /// Ends the connection for its peer, and keeps the socket until nothing is under way on it.
    pub(super) fn insert(&mut self, key: Key, socket: TcpStream, watches: Watches) {
        if watches.is_empty() {
            return;
        }
        // Fails only on a connection that is broken, and then everything completes as well.
        let _ = socket.shutdown(Shutdown::Both);
        self.sockets.insert(key, Held { _socket: socket, watches });
    }

    /// An operation had its last completion. Unknown ones are no concern of anybody.
    pub(super) fn ended(&mut self, key: Key, watch: Watch) {
        let Some(held) = self.sockets.get_mut(&key) else { return };
        held.watches.end(watch);
        if held.watches.is_empty() {
            self.sockets.remove(&key);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }
}
