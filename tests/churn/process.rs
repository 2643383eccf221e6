//! The test's hold on the server's process: starts it, asks it, looks at it through `/proc`, and ends
//! it. What runs in there is in `served`.

use crate::served::{Counts, MARK, Restarted, command};
use crate::support::{PATIENCE, eventually};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Set in the server's process, to the seed of what it publishes.
const SERVES: &str = "HEADWATER_CHURN_SERVES";

/// Settings of glibc that make the resident memory say what is in use: blocks of a page or more are
/// mapped one by one and unmapped when freed, there is one heap, whatever the number of threads, and
/// stacks of threads that have ended are not kept. Another C library does not know them.
const GLIBC: &str = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=4096:\
                     glibc.malloc.trim_threshold=4096:glibc.pthread.stack_cache_size=0";

/// `AddressSanitizer` reserves terabytes of addresses for its notes on all others; nothing else does.
const SANITIZED_KIB: u64 = 1 << 30;

/// The names of threads that wait a while for more to do before they end, as far as the system keeps
/// them: those for handlers that block, and for questions about slow subscribers.
const IDLE: [&str; 2] = ["headwater-block", "headwater-slow"];

/// The seed, in a process that is to serve.
pub(crate) fn serves() -> Option<u64> {
    let seed = std::env::var(SERVES).ok()?;
    Some(seed.parse().expect("the test sets a number"))
}

pub(crate) struct ServerProcess {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
    /// Returns whatever else the process has written.
    reader: Option<JoinHandle<String>>,
    addr: SocketAddr,
}

/// What the system keeps for a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    pub(crate) descriptors: usize,
    /// Without those that may be idle.
    pub(crate) threads: usize,
    pub(crate) resident_kib: u64,
    /// Whether the resident memory is the sanitizer's rather than the server's.
    pub(crate) sanitized: bool,
}

impl ServerProcess {
    /// Runs `test` of this binary as a server, which may open so many descriptors.
    pub(crate) fn start(test: &str, seed: u64, descriptors: Option<usize>) -> Self {
        let this = std::env::current_exe().expect("tests run from a file");
        let limit = descriptors.map_or(String::new(), |most| format!("ulimit -S -n {most} && "));
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
            .arg(this)
            .args(["--exact", test, "--nocapture"])
            .env(SERVES, seed.to_string())
            .env("GLIBC_TUNABLES", GLIBC)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let (sender, answers) = channel();
        let output = child.stdout.take().expect("it is a pipe");
        let reader = Some(thread::spawn(move || read(output, &sender)));
        let commands = child.stdin.take();
        let unknown = SocketAddr::from(([0; 4], 0));
        let mut process = Self { child, commands, answers, reader, addr: unknown };
        process.addr = process.answer().parse().expect("first it says where it listens");
        process
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn publish(&mut self) {
        self.ask(command::PUBLISH);
    }

    /// Ends publishing.
    pub(crate) fn rest(&mut self) {
        self.ask(command::REST);
    }

    pub(crate) fn count(&mut self) -> Counts {
        self.ask(command::COUNT)
    }

    /// Drains the server within this time, and starts another.
    pub(crate) fn restart(&mut self, within: Duration) -> Restarted {
        self.tell(&format!("{}{}", command::RESTART, within.as_millis()));
        let answer = self.answer();
        let restarted = Restarted::read(&answer);
        self.addr = restarted.addr;
        // The counts tell nothing new.
        self.answer();
        restarted
    }

    fn ask(&mut self, command: &str) -> Counts {
        self.tell(command);
        Counts::read(&self.answer())
    }

    fn tell(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("it has not ended");
        writeln!(commands, "{command}").expect("the server's process runs");
    }

    fn answer(&self) -> String {
        let answer = self.answers.recv_timeout(PATIENCE);
        answer.unwrap_or_else(|error| panic!("the server's process does not answer: {error}"))
    }

    pub(crate) fn footprint(&self) -> Footprint {
        let proc = format!("/proc/{}", self.child.id());
        let descriptors = fs::read_dir(format!("{proc}/fd")).expect("it runs").count();
        let status = fs::read_to_string(format!("{proc}/status")).expect("it runs");
        let value = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let value = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            value.unwrap_or_else(|| panic!("no {name} in {status}"))
        };
        let threads = fs::read_dir(format!("{proc}/task")).expect("it runs");
        let works = |thread: &fs::DirEntry| {
            // One that has just ended is none.
            let name = fs::read_to_string(thread.path().join("comm"));
            name.is_ok_and(|name| !IDLE.contains(&name.trim()))
        };
        Footprint {
            descriptors,
            threads: threads.flatten().filter(works).count(),
            resident_kib: value("VmRSS"),
            sanitized: value("VmSize") > SANITIZED_KIB,
        }
    }

    /// Ends it in order: no worker fails, and under `AddressSanitizer` nothing was leaked.
    pub(crate) fn end(mut self) {
        drop(self.commands.take());
        let mut status = None;
        eventually("the server's process ends", || {
            status = self.child.try_wait().expect("it is a child of ours");
            status.is_some()
        });
        let status = status.expect("it has ended");
        let reader = self.reader.take().expect("it ends once");
        let output = reader.join().expect("reading succeeds");
        assert!(status.success(), "the server's process: {status}\n{output}");
        assert!(output.contains("1 passed"), "it ran another test: {output}");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if self.reader.is_some() {
            // The test has failed already; what comes of this cannot make it worse.
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Sorts what the process writes until it ends.
fn read(output: ChildStdout, answers: &Sender<String>) -> String {
    let mut others = String::new();
    for line in BufReader::new(output).lines() {
        let line = line.expect("the process writes text");
        match line.split_once(MARK) {
            // A test that has failed listens no more.
            Some((_, answer)) => answers.send(answer.to_owned()).ok().unwrap_or_default(),
            None => others = others + &line + "\n",
        }
    }
    others
}
