//! How a server is started on a core, known to be ready, and stopped. What its command is, is the
//! business of `kind`. Knows nothing of loads and reports.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::kind::Kind;

/// How long a server may take until it answers, and until it has ended.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Dropping it ends the process and removes its files.
pub struct Server {
    child: Child,
    directory: PathBuf,
    /// Whether another program runs it, which is valgrind.
    under: bool,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Server {
    /// Starts a server on `core`; returns once it answers. `under` are the words of a program that
    /// runs it, if any; `bench_server` is the program of [`Kind::Headwater`].
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not answer in time: a line that says why.
    pub fn start(
        kind: &Kind,
        bench_server: &Path,
        core: usize,
        under: &[&str],
    ) -> Result<Self, String> {
        let addr = free_address().map_err(|error| format!("no free port: {error}"))?;
        let name = format!("headwater-pairs-{}-{}", std::process::id(), addr.port());
        let directory = std::env::temp_dir().join(name);
        let io = |error: std::io::Error| format!("{}: {error}", directory.display());
        fs::create_dir_all(&directory).map_err(io)?;
        let words = kind.command(addr, bench_server, &directory)?;
        let errors = fs::File::create(directory.join("stderr")).map_err(io)?;
        let child = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .args(under)
            .args(&words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("taskset: {error}"))?;
        let mut server = Self { child, directory, under: !under.is_empty(), addr };
        server.wait_until_it_answers().map_err(|reason| {
            // What it complained about says more, if it did.
            let errors = fs::read_to_string(server.directory.join("stderr")).unwrap_or_default();
            format!("{kind}: {reason} {}", errors.trim())
        })?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while !answers(self.addr) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("ended with {status}:"));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("does not answer within {} s:", PATIENCE.as_secs()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Server {
    /// Its process, or the first of them.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server as a supervisor does; gives what it wrote to standard error.
    ///
    /// # Errors
    ///
    /// It does not end in time, or what it wrote is not text.
    pub fn stop(mut self) -> Result<String, String> {
        if !self.end() {
            return Err(format!("does not end within {} s", PATIENCE.as_secs()));
        }
        let path = self.directory.join("stderr");
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Gives whether it has ended.
    fn end(&mut self) -> bool {
        // A signal that can be obeyed: nginx has a second process to end.
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).stderr(Stdio::null()).status().ok();
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
            if self.under {
                // Valgrind lets no other thread have the signal while one waits in io_uring: it has
                // to be kept busy. Once the signal has come, nothing is answered any more.
                answers(self.addr);
                thread::sleep(Duration::from_millis(200));
            }
        }
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        // It has ended by itself, as a rule.
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.directory).ok();
    }
}

/// Where cargo puts the bench server.
pub fn bench_server() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    target.join("release/bench-server")
}

/// A port that was free a moment ago.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn answers(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /plaintext HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(&head == b"HTTP/1.1 200")
    };
    // Until it listens it refuses.
    ask().unwrap_or(false)
}
