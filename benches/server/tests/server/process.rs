//! A bench server of a test's own: started, watched, signalled, and never left behind.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long anything may take that should happen soon. Only failures take that long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-server");

/// Units of process times in `/proc`: 100 a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A running server. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    out: Option<JoinHandle<String>>,
    errors: Option<JoinHandle<String>>,
    /// The ready line.
    pub(crate) ready: String,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

/// What a process left behind.
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output after the ready line.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) errors: String,
}

impl Server {
    /// A server with these flags on a free port of loopback.
    pub(crate) fn start(engine: &str, flags: &str) -> Self {
        Self::spawn(Command::new(PROGRAM), "127.0.0.1:0", engine, flags)
    }

    /// A server at this address.
    pub(crate) fn start_at(addr: &str, engine: &str, flags: &str) -> Self {
        Self::spawn(Command::new(PROGRAM), addr, engine, flags)
    }

    /// A server that may have this many descriptors.
    pub(crate) fn start_limited(descriptors: usize, engine: &str, flags: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")).arg(PROGRAM);
        Self::spawn(shell, "127.0.0.1:0", engine, flags)
    }

    /// A server that may lock this much memory, whoever runs it.
    #[cfg(feature = "io-uring")]
    pub(crate) fn start_short_of_memory(kib: usize, engine: &str, flags: &str) -> Self {
        let mut shell = Command::new("sh");
        // Root is not bound by the limit unless it gives the right up.
        let script = format!(
            "ulimit -l {kib}; test $(id -u) -ne 0 || set -- --bounding-set=-ipc_lock \"$0\" \"$@\"
             test $(id -u) -ne 0 || exec setpriv \"$@\"; exec \"$0\" \"$@\""
        );
        shell.arg("-c").arg(script).arg(PROGRAM);
        Self::spawn(shell, "127.0.0.1:0", engine, flags)
    }

    /// A server whose standard error cannot be written.
    pub(crate) fn start_mute(engine: &str, flags: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" 2>/dev/full", PROGRAM]);
        Self::spawn(shell, "127.0.0.1:0", engine, flags)
    }

    fn spawn(mut command: Command, addr: &str, engine: &str, flags: &str) -> Self {
        command.args(["--engine", engine, "--addr", addr]).args(flags.split_whitespace());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the bench server can be started");
        let errors = collect(child.stderr.take().expect("standard error is piped"));
        let mut out = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let (first, ready) = mpsc::channel();
        let out = thread::spawn(move || {
            let mut line = String::new();
            let mut rest = String::new();
            out.read_line(&mut line).expect("the ready line is text");
            // Nobody waits any longer when the test has failed.
            first.send(line).ok();
            out.read_to_string(&mut rest).expect("standard output is text");
            rest
        });
        let mut server = Self {
            child,
            out: Some(out),
            errors: Some(errors),
            ready: String::new(),
            addr: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let line = ready.recv_timeout(PATIENCE).expect("the server is ready, or ends, in time");
        match line.strip_prefix("listening on http://").and_then(|rest| rest.split_once(' ')) {
            Some((addr, _)) => server.addr = addr.parse().expect("an address"),
            None => panic!("no ready line but {line:?}: {}", server.wait().errors),
        }
        line.trim_end_matches('\n').clone_into(&mut server.ready);
        server
    }

    /// The word after `name=` in the ready line.
    pub(crate) fn announced(&self, name: &str) -> &str {
        let mut words = self.ready.split(' ').filter_map(|word| word.split_once('='));
        words.find(|(key, _)| *key == name).expect("the ready line says it").1
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell exists");
        assert!(status.success(), "{kill}");
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(mut self) -> Ended {
        let status = end_of(&mut self.child).expect("the server ends in time");
        let text = |of: Option<JoinHandle<String>>| {
            of.expect("taken once, here").join().expect("what the server said is text")
        };
        Ended { status, out: text(self.out.take()), errors: text(self.errors.take()) }
    }

    /// Ends the server as a supervisor does, and checks that it went well.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        let ended = self.wait();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
        assert_eq!(ended.out, "", "only the ready line goes to standard output");
        assert_eq!(ended.errors.lines().count(), 1, "only the reason: {}", ended.errors);
    }

    /// The same once these clients have left: a server that ends waits for them a while.
    pub(crate) fn stop_after<Clients>(self, clients: Clients) {
        drop(clients);
        self.stop();
    }

    /// CPU time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the server runs");
        // The name, in parentheses, may hold anything; user and system time are fields 14 and 15.
        let (_, after_name) = stat.rsplit_once(") ").expect("a name");
        let times = after_name.split(' ').skip(11).take(2);
        let ticks: u32 = times.map(|ticks| ticks.parse::<u32>().expect("a number")).sum();
        TICK * ticks
    }

    /// Resident memory now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).expect("a size");
        kib.parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        self.child.kill().ok();
        let status = self.child.wait();
        // What it said may be why the test failed.
        if let Some(errors) = self.errors.take().filter(|_| thread::panicking()) {
            println!("the server: {status:?}\n{}", errors.join().unwrap_or_default());
        }
    }
}

/// Runs the program with flags that it should refuse. Returns the exit code and standard error.
pub(crate) fn refusal(words: &str) -> (Option<i32>, String) {
    let mut child = Command::new(PROGRAM)
        .args(words.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the bench server can be started");
    let errors = collect(child.stderr.take().expect("standard error is piped"));
    let out = collect(child.stdout.take().expect("standard output is piped"));
    let status = end_of(&mut child);
    if status.is_none() {
        child.kill().expect("it still runs");
        child.wait().expect("it was killed");
    }
    let errors = errors.join().expect("text");
    let out = out.join().expect("text");
    let status = status.unwrap_or_else(|| panic!("{words} was not refused: {out}{errors}"));
    assert_eq!(out, "", "a refusal goes to standard error");
    (status.code(), errors)
}

/// Runs the program to its end. Returns the exit code and both outputs.
pub(crate) fn run(words: &str) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM)
        .args(words.split_whitespace())
        .output()
        .expect("the bench server can be started");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Waits until `reached` says so. `what` names it in a failure.
pub(crate) fn eventually(what: &str, mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < PATIENCE, "never came: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn end_of(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Err(error) = from.read_to_string(&mut text) {
            write!(text, "(not text: {error})").expect("a string takes everything");
        }
        text
    })
}
