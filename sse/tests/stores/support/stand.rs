//! A store of each kind, opened as often as a case likes: each time as another process would.

use super::server::{Program, Server};
use headwater_sse::replay::{
    KeyValue, KvReplayConfig, KvReplayStore, MemoryKv, ReplayStore, RingBuffer,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Ring,
    Memory,
    Redis,
    Postgres,
    Memcached,
}

pub(crate) struct Stand {
    pub(crate) kind: Kind,
    /// What this case's keys begin with, and no other's.
    pub(crate) prefix: String,
    memory: MemoryKv,
    server: Option<Arc<Server>>,
}

/// Short enough for a test of a server that does not answer, and long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Stand {
    /// On a server that cases share, which may not be killed. None where there is no such server.
    pub(crate) fn shared(kind: Kind) -> Option<Self> {
        if let Some(program) = kind.program() {
            static SERVERS: [Mutex<Weak<Server>>; 3] = [const { Mutex::new(Weak::new()) }; 3];
            if !program.is_here() {
                return None;
            }
            let place = match program {
                Program::Redis => &SERVERS[0],
                Program::Postgres => &SERVERS[1],
                Program::Memcached => &SERVERS[2],
            };
            let mut shared = place.lock().unwrap_or_else(PoisonError::into_inner);
            let server = shared.upgrade().unwrap_or_else(|| Arc::new(kind.start(&[])));
            *shared = Arc::downgrade(&server);
            return Some(Self::new(kind, Some(server)));
        }
        Some(Self::new(kind, None))
    }

    /// On a server of its own, with these options.
    pub(crate) fn own(kind: Kind, options: &[&str]) -> Option<Self> {
        let program = kind.program().expect("a server");
        program.is_here().then(|| Self::new(kind, Some(Arc::new(kind.start(options)))))
    }

    fn new(kind: Kind, server: Option<Arc<Server>>) -> Self {
        static STANDS: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("case{}/", STANDS.fetch_add(1, Ordering::Relaxed));
        Self { kind, prefix, memory: MemoryKv::new(), server }
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("a server")
    }

    /// Settings with this case's prefix.
    pub(crate) fn config(&self) -> KvReplayConfig {
        KvReplayConfig::new().prefix(&self.prefix)
    }

    /// A store that keeps so many events of a scope and tells newcomers the newest.
    pub(crate) fn store(&self, capacity: usize, newest: usize) -> Box<dyn ReplayStore> {
        if self.kind == Kind::Ring {
            return Box::new(RingBuffer::builder(capacity).newest(newest).build());
        }
        Box::new(self.open(self.config().max_index(capacity as u64).newest(newest)))
    }

    /// A store over connections of its own.
    pub(crate) fn open(&self, config: KvReplayConfig) -> KvReplayStore {
        KvReplayStore::new(self.kv(), config).expect("a store")
    }

    /// Connections of their own.
    pub(crate) fn kv(&self) -> Box<dyn KeyValue> {
        match self.address() {
            None => Box::new(self.memory.clone()),
            Some(address) => connect(&address),
        }
    }

    /// Of the server, for [`connect`]. None for what is in memory.
    pub(crate) fn address(&self) -> Option<String> {
        match self.kind {
            Kind::Ring | Kind::Memory => None,
            Kind::Redis => Some(format!("redis://127.0.0.1:{}/", self.server().port)),
            Kind::Postgres => {
                Some(format!("postgres://postgres@127.0.0.1:{}/postgres", self.server().port))
            }
            Kind::Memcached => Some(format!("memcache://127.0.0.1:{}", self.server().port)),
        }
    }
}

/// To a server at an address.
pub(crate) fn connect(address: &str) -> Box<dyn KeyValue> {
    connect_within(address, TIMEOUT)
}

/// With this time for each answer.
pub(crate) fn connect_within(address: &str, timeout: Duration) -> Box<dyn KeyValue> {
    let _ = timeout;
    #[cfg(feature = "redis")]
    if address.starts_with("redis:") {
        use headwater_sse::replay::RedisKv;
        return Box::new(RedisKv::new(address).expect("a URL").timeout(timeout));
    }
    #[cfg(feature = "postgres")]
    if address.starts_with("postgres:") {
        use headwater_sse::replay::PostgresKv;
        return Box::new(PostgresKv::new(address).expect("a URL").timeout(timeout));
    }
    #[cfg(feature = "memcache")]
    if let Some(address) = address.strip_prefix("memcache://") {
        use headwater_sse::replay::MemcachedKv;
        let kv = MemcachedKv::new(address).expect("an address");
        return Box::new(kv.timeout(timeout).expect("an address"));
    }
    panic!("no store at {address}");
}

impl Kind {
    fn program(self) -> Option<Program> {
        match self {
            Self::Ring | Self::Memory => None,
            Self::Redis => Some(Program::Redis),
            Self::Postgres => Some(Program::Postgres),
            Self::Memcached => Some(Program::Memcached),
        }
    }

    /// A server that keeps what it has answered, if it is of a kind that can.
    fn start(self, options: &[&str]) -> Server {
        let program = self.program().expect("a server");
        let mut all: Vec<_> = match program {
            Program::Redis => vec!["--save", "", "--appendonly", "yes"],
            Program::Postgres | Program::Memcached => Vec::new(),
        };
        all.extend(options);
        Server::start(program, &all)
    }
}
