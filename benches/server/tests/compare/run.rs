//! A comparison of a test's own: started, signalled, waited for, and looked after for what it leaves.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// How long anything may take. Only failures take that long.
const PATIENCE: Duration = Duration::from_mins(3);

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-server");

/// Handed down to all children: whoever has it belongs to the comparison.
const MARK: &str = "BENCH_SERVER_TEST_COMPARISON";

/// A comparison that runs.
pub(crate) struct Comparison {
    child: Option<Child>,
    mark: String,
    out: PathBuf,
}

/// What a comparison left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
    pub(crate) report: Option<Value>,
}

impl Comparison {
    /// Starts one with these flags, which writes to a directory of its own.
    pub(crate) fn start(words: &str) -> Self {
        Self::start_with(words, None)
    }

    /// The same; the programs in this directory are found before others of their names.
    pub(crate) fn start_before(words: &str, programs: &Path) -> Self {
        Self::start_with(words, Some(programs))
    }

    fn start_with(words: &str, programs: Option<&Path>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let out = std::env::temp_dir().join(format!("headwater-compare-test-{mark}"));
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = programs.map(Path::to_owned).into_iter().chain(std::env::split_paths(&others));
        let child = Command::new(PROGRAM)
            .env("PATH", std::env::join_paths(path).expect("no colon in a path"))
            .arg("compare")
            .args(words.split_whitespace())
            .arg("--out")
            .arg(&out)
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the bench server can be started");
        Self { child: Some(child), mark, out }
    }

    /// Waits for its end, and until nobody is left of it.
    pub(crate) fn wait(mut self) -> Ended {
        let child = self.child.take().expect("it is waited for once");
        let output = child.wait_with_output().expect("what it says can be read");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let report = fs::read_to_string(self.out.join("report.json"));
        let report = report.ok().map(|text| serde_json::from_str(&text).expect("a whole report"));
        let (out, errors) = (text(output.stdout), text(output.stderr));
        let left = self.family();
        assert_eq!(left, [0; 0], "left behind: {out}{errors}");
        Ended { code: output.status.code(), out, errors, report }
    }

    /// Waits until it has so many children.
    pub(crate) fn wait_for_children(&self, count: usize) {
        let begin = Instant::now();
        // It is one of the family itself.
        while self.family().len() < 1 + count {
            assert!(begin.elapsed() < PATIENCE, "there were never {count} children");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it has ended of itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.family().is_empty()
    }

    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id();
        let kill = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
        assert!(kill.expect("a shell exists").success());
    }

    /// The processes that are it, or were started by it, and have not ended.
    fn family(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.mark);
        let pids = fs::read_dir("/proc").expect("a list of processes").flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let belongs = |pid: &u32| {
            // Others end meanwhile, or are not to be read.
            let words = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
        };
        pids.filter(belongs).collect()
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The test has failed: the comparison ends its children if it is asked to end.
            Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().ok();
            child.wait().ok();
        }
        // There is none if nothing was written.
        fs::remove_dir_all(&self.out).ok();
    }
}

/// A bench server that is compared with. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Server {
    pub(crate) fn start(engine: &str) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["--engine", engine, "--addr", "127.0.0.1:0", "--rate", "0", "--workers", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the bench server can be started");
        let mut line = String::new();
        let out = child.stdout.take().expect("standard output is piped");
        BufReader::new(out).read_line(&mut line).expect("a ready line");
        let addr =
            line.strip_prefix("listening on http://").and_then(|rest| rest.split(' ').next());
        let addr = addr.and_then(|addr| addr.parse().ok());
        Self { child, addr: addr.unwrap_or_else(|| panic!("no ready line: {line:?}")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The engines of this build, by the program's own word.
pub(crate) fn engines() -> Vec<String> {
    headwater::Engine::compiled().iter().map(ToString::to_string).collect()
}

/// A socket that holds a port on which nobody listens.
pub(crate) fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let addr = socket.local_addr().ok().and_then(|addr| addr.as_socket()).expect("an address");
    (socket, addr)
}
