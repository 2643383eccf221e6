//! What can be measured: how each server is started on a core, known to be ready, and stopped.
//! Knows nothing of loads and reports.

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it answers, and until it has ended.
const PATIENCE: Duration = Duration::from_mins(1);

/// The configuration of nginx with nchan.
const NCHAN: &str = include_str!("../nchan.conf");

/// Where distributions put the module.
const NCHAN_MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules/ngx_nchan_module.so",
    "/usr/lib64/nginx/modules/ngx_nchan_module.so",
    "/usr/local/lib/nginx/modules/ngx_nchan_module.so",
];

/// A program beside this one.
#[derive(Debug, Eq, PartialEq)]
pub struct Peer {
    name: &'static str,
    program: &'static str,
    flags: &'static [&'static str],
    /// Whether it has a stream, besides `/plaintext`.
    streams: bool,
}

const fn peer(name: &'static str, streams: bool) -> Peer {
    Peer { name, program: name, flags: &[], streams }
}

/// All of them.
const PEERS: &[Peer] = &[
    peer("actix", true),
    peer("axum", true),
    peer("bare", true),
    peer("hyper", false),
    peer("may_minihttp", false),
    peer("ntex", false),
    Peer { name: "ntex:epoll", program: "ntex", flags: &["--epoll"], streams: false },
];

/// A server that can be measured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A program beside this one.
    Peer(&'static Peer),
    /// nginx with nchan.
    Nchan,
    /// The bench server with this engine.
    Headwater(String),
    /// Any other, by its command.
    Command {
        /// What it is called in tables.
        name: String,
        /// The command, with `{addr}` where the address goes.
        words: Vec<String>,
    },
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((name, command)) = text.split_once('=') {
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            if words.iter().any(|word| word.contains("{addr}")) {
                return Ok(Self::Command { name: name.to_owned(), words });
            }
            return Err("the command has no {addr}".to_owned());
        }
        if let Some(peer) = PEERS.iter().find(|peer| peer.name == text) {
            return Ok(Self::Peer(peer));
        }
        match text {
            "nchan" => Ok(Self::Nchan),
            "headwater" => Ok(Self::Headwater("auto".to_owned())),
            _ => text.strip_prefix("headwater:").map_or_else(
                || {
                    let peers: String = PEERS.iter().flat_map(|peer| [peer.name, ", "]).collect();
                    Err(format!("expected {peers}nchan, headwater:ENGINE or NAME=COMMAND"))
                },
                |engine| Ok(Self::Headwater(engine.to_owned())),
            ),
        }
    }
}

impl Kind {
    /// Whether it has a stream, as far as is known.
    pub fn streams(&self) -> bool {
        !matches!(self, Self::Peer(peer) if !peer.streams)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => out.write_str(peer.name),
            Self::Nchan => out.write_str("nchan"),
            Self::Headwater(engine) => write!(out, "headwater:{engine}"),
            Self::Command { name, .. } => out.write_str(name),
        }
    }
}

/// A running server. Dropping it ends the process and removes its files.
pub struct Server {
    child: Child,
    directory: PathBuf,
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
        let words = command(kind, addr, bench_server, &directory)?;
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
        let mut server = Self { child, directory, addr };
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

/// The words that start a server.
fn command(
    kind: &Kind,
    addr: SocketAddr,
    bench_server: &Path,
    directory: &Path,
) -> Result<Vec<String>, String> {
    let addr = addr.to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match kind {
        Kind::Peer(peer) => {
            let here = std::env::current_exe().map_err(|error| error.to_string())?;
            let program = here.with_file_name(peer.program).display().to_string();
            Ok(words(&[&[program.as_str(), "--addr", &addr], peer.flags].concat()))
        }
        Kind::Headwater(engine) => {
            let program = bench_server.display().to_string();
            let flags = ["--addr", &addr, "--engine", engine, "--workers", "1", "--rate", "0"];
            Ok(words(&[&[program.as_str()], &flags[..]].concat()))
        }
        Kind::Command { words, .. } => {
            Ok(words.iter().map(|word| word.replace("{addr}", &addr)).collect())
        }
        Kind::Nchan => {
            let module = nchan_module()?;
            let directory = directory.display().to_string();
            let conf = NCHAN
                .replace("MODULE", module)
                .replace("DIRECTORY", &directory)
                .replace("ADDR", &addr);
            let file = format!("{directory}/nginx.conf");
            fs::write(&file, conf).map_err(|error| format!("{file}: {error}"))?;
            Ok(words(&["nginx", "-c", &file, "-p", &directory]))
        }
    }
}

/// The module, if it and nginx are installed.
fn nchan_module() -> Result<&'static str, String> {
    let nginx = Command::new("nginx").arg("-v").stderr(Stdio::null()).status();
    let module = NCHAN_MODULES.into_iter().find(|path| Path::new(path).exists());
    match (nginx, module) {
        (Ok(_), Some(module)) => Ok(module),
        _ => Err("nginx with nchan is not installed (Debian: nginx-light, libnginx-mod-nchan)"
            .to_owned()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_name_or_command() {
        let bare: Kind = "bare".parse().unwrap();
        assert_eq!((bare.to_string(), bare.streams()), ("bare".to_owned(), true));
        assert_eq!("headwater:epoll".parse(), Ok(Kind::Headwater("epoll".to_owned())));
        assert!("ngnix".parse::<Kind>().is_err());
        let other: Kind = "mine=/bin/x --listen {addr}".parse().unwrap();
        assert_eq!(other.to_string(), "mine");
        let addr = "127.0.0.1:7".parse().unwrap();
        let words = command(&other, addr, Path::new("b"), Path::new("d")).unwrap();
        assert_eq!(words, ["/bin/x", "--listen", "127.0.0.1:7"]);
        assert!("mine=/bin/x".parse::<Kind>().is_err());
    }

    #[test]
    fn a_peer_is_started_with_the_flags_of_its_name() {
        let ntex: Kind = "ntex:epoll".parse().unwrap();
        assert!(!ntex.streams());
        let addr = "127.0.0.1:7".parse().unwrap();
        let words = command(&ntex, addr, Path::new("b"), Path::new("d")).unwrap();
        assert!(words[0].ends_with("/ntex"), "{words:?}");
        assert_eq!(words[1..], ["--addr", "127.0.0.1:7", "--epoll"]);
    }

    #[test]
    fn headwater_has_one_worker_and_no_ticks() {
        let kind = Kind::Headwater("std".to_owned());
        let addr = "127.0.0.1:7".parse().unwrap();
        let words = command(&kind, addr, Path::new("/b"), Path::new("d")).unwrap();
        let expected = "/b --addr 127.0.0.1:7 --engine std --workers 1 --rate 0";
        assert_eq!(words.join(" "), expected);
    }
}
