//! What can be measured: servers by their names in a command line, and the commands that start them.
//! Starts none: see `server`.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;

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
    /// Why valgrind cannot run it, if so.
    uncountable: Option<&'static str>,
}

const fn peer(name: &'static str, streams: bool) -> Peer {
    Peer { name, program: name, flags: &[], streams, uncountable: None }
}

/// All of them.
const PEERS: &[Peer] = &[
    peer("actix", true),
    peer("axum", true),
    peer("bare", true),
    peer("hyper", false),
    peer("may_minihttp", false),
    Peer {
        uncountable: Some(
            "valgrind lets its thread that accepts not run while the other waits in io_uring: \
             count ntex:epoll",
        ),
        ..peer("ntex", false)
    },
    Peer { program: "ntex", flags: &["--epoll"], ..peer("ntex:epoll", false) },
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

    /// Why its instructions cannot be counted, if that is known.
    pub fn uncountable(&self) -> Option<&'static str> {
        match self {
            Self::Peer(peer) => peer.uncountable,
            Self::Nchan => Some("it is several processes"),
            Self::Headwater(_) | Self::Command { .. } => None,
        }
    }

    /// The words that start a server.
    pub(crate) fn command(
        &self,
        addr: SocketAddr,
        bench_server: &Path,
        directory: &Path,
    ) -> Result<Vec<String>, String> {
        let addr = addr.to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Self::Peer(peer) => {
                let here = std::env::current_exe().map_err(|error| error.to_string())?;
                let program = here.with_file_name(peer.program).display().to_string();
                Ok(words(&[&[program.as_str(), "--addr", &addr], peer.flags].concat()))
            }
            Self::Headwater(engine) => {
                let program = bench_server.display().to_string();
                let flags = ["--addr", &addr, "--engine", engine, "--workers", "1", "--rate", "0"];
                Ok(words(&[&[program.as_str()], &flags[..]].concat()))
            }
            Self::Command { words, .. } => {
                Ok(words.iter().map(|word| word.replace("{addr}", &addr)).collect())
            }
            Self::Nchan => {
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
        let words = other.command(addr, Path::new("b"), Path::new("d")).unwrap();
        assert_eq!(words, ["/bin/x", "--listen", "127.0.0.1:7"]);
        assert!("mine=/bin/x".parse::<Kind>().is_err());
    }

    #[test]
    fn a_peer_is_started_with_the_flags_of_its_name() {
        let ntex: Kind = "ntex:epoll".parse().unwrap();
        assert!(!ntex.streams());
        let addr = "127.0.0.1:7".parse().unwrap();
        let words = ntex.command(addr, Path::new("b"), Path::new("d")).unwrap();
        assert!(words[0].ends_with("/ntex"), "{words:?}");
        assert_eq!(words[1..], ["--addr", "127.0.0.1:7", "--epoll"]);
    }

    #[test]
    fn headwater_has_one_worker_and_no_ticks() {
        let kind = Kind::Headwater("std".to_owned());
        let addr = "127.0.0.1:7".parse().unwrap();
        let words = kind.command(addr, Path::new("/b"), Path::new("d")).unwrap();
        let expected = "/b --addr 127.0.0.1:7 --engine std --workers 1 --rate 0";
        assert_eq!(words.join(" "), expected);
    }
}
