//! Descriptors are the process's, connections a worker's: a worker that has nothing to close gets a
//! descriptor from another one. Linux only, as its shell can set the limit of a process.

use crate::support::{PATIENCE, Peer, builder, eventually};
use headwater::{Engine, Router, ServerHandle, routing::get};
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};

/// Names the engine to the process that serves.
const SERVING: &str = "DESCRIPTORS_ENGINE";
const TEST: &str = "life::descriptors::worker_without_descriptors_gets_one_from_another";
const DESCRIPTORS: usize = 64;

#[test]
fn worker_without_descriptors_gets_one_from_another() {
    if let Ok(engine) = std::env::var(SERVING) {
        return serve(engine.parse().expect("the name of an engine"));
    }
    for engine in Engine::compiled() {
        println!("on {engine}:");
        starve(&mut Served::start(*engine));
    }
}

/// In the process that serves, until it is killed.
fn serve(engine: Engine) {
    let handle: Arc<OnceLock<ServerHandle>> = Arc::default();
    let its = handle.clone();
    let failures = move || its.get().map_or(0, |server| server.stats().accept_failures).to_string();
    let name = || std::thread::current().name().unwrap_or_default().to_owned();
    let hold = || io::stdin().read_line(&mut String::new()).map_or("", |_| "held");
    let app = Router::new()
        .route("/where", get(name))
        .route("/hold", get(hold))
        .route("/failures", get(failures));
    let server = builder(engine).workers(2).serve(app).expect("a free port");
    // Which takes descriptors, too: as long as there are some.
    server.catch_signals().expect("a pipe");
    println!("\nat {}", server.local_addrs()[0]);
    handle.set(server.clone()).expect("set once");
    server.wait_for_signal(PATIENCE).expect("no worker fails");
}

struct Served {
    child: Child,
    /// A line lets a handler return that holds its worker.
    release: ChildStdin,
    addr: SocketAddr,
}

impl Served {
    fn start(engine: Engine) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"")]);
        shell.arg(std::env::current_exe().expect("this program"));
        shell.args(["--exact", TEST, "--nocapture"]).env(SERVING, engine.to_string());
        let mut child =
            shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let addr = lines.find_map(|line| Some(line.ok()?.strip_prefix("at ")?.parse()));
        let release = child.stdin.take().expect("a pipe");
        let addr = addr.expect("the server starts").expect("an address");
        Self { child, release, addr }
    }

    /// A connection, and the name of its worker.
    fn connect(&self) -> (Peer, String) {
        let mut peer = Peer::connect(self.addr);
        let name = ask(&mut peer, "/where");
        (peer, name)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it can be ended");
    }
}

fn ask(peer: &mut Peer, path: &str) -> String {
    peer.ask(path);
    peer.answer().text().to_owned()
}

fn starve(server: &mut Served) {
    let (mut one, its_worker) = server.connect();
    let (mut other, other_worker) = std::iter::repeat_with(|| server.connect())
        .find(|(_, worker)| *worker != its_worker)
        .expect("the kernel spreads connections");
    // While the other worker is held, silent connections take all descriptors to the first.
    other.ask("/hold");
    let silent: Vec<Peer> = (0..4 * DESCRIPTORS).map(|_| Peer::connect(server.addr)).collect();
    eventually("the limit", || ask(&mut one, "/failures") != "0");
    server.release.write_all(b"\n").expect("the server reads");
    assert_eq!(other.answer().text(), "held");
    let mut workers: Vec<String> = (0..30).map(|_| server.connect().1).collect();
    workers.sort();
    workers.dedup();
    assert_eq!(workers.len(), 2, "all were answered by {its_worker}, none by {other_worker}");
    drop(silent);
}
