//! One slice: a fresh server, one run of the load of the bench server, its report.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;

use serde_json::Value;

use headwater_peers::kind::Kind;
use headwater_peers::server::Server;

/// Where and how slices are run.
pub(crate) struct Bench {
    /// The bench server, which is the load and headwater.
    pub(crate) program: PathBuf,
    pub(crate) server_core: usize,
    pub(crate) load_core: usize,
    /// Flags of the load.
    pub(crate) load: Vec<String>,
}

/// What is measured: a server, and flags of the load for it alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Subject {
    kind: Kind,
    load: Vec<String>,
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, load) = text.split_once(" -- ").unwrap_or((text, ""));
        let load = load.split_whitespace().map(str::to_owned).collect();
        let kind: Kind = kind.parse()?;
        if !kind.streams() {
            return Err("it serves /plaintext only".to_owned());
        }
        Ok(Self { kind, load })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.kind)?;
        self.load.iter().try_for_each(|word| write!(out, " {word}"))
    }
}

impl Bench {
    /// Runs a slice; gives its report.
    pub(crate) fn slice(&self, subject: &Subject) -> Result<Value, String> {
        let server = Server::start(&subject.kind, &self.program, self.server_core, &[])?;
        let output = Command::new("taskset")
            .args(["-c", &self.load_core.to_string()])
            .arg(&self.program)
            .args(["load", "--json", "--addr", &server.addr.to_string()])
            .args(&self.load)
            .args(&subject.load)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| format!("taskset: {error}"))?;
        serde_json::from_slice::<Value>(&output.stdout).map_err(|_| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("{subject}: no report from the load: {}", errors.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_load_may_follow_a_server() {
        let subject: Subject = "headwater:epoll -- --stuck 50".parse().unwrap();
        assert_eq!(subject.kind, Kind::Headwater("epoll".to_owned()));
        assert_eq!(subject.load, ["--stuck", "50"]);
        assert_eq!(subject.to_string(), "headwater:epoll --stuck 50");
        let other: Subject = "mine=/bin/x --listen {addr} -- --slow 3".parse().unwrap();
        assert_eq!(other.to_string(), "mine --slow 3");
        assert_eq!("bare".parse::<Subject>().unwrap().load, [""; 0]);
    }

    #[test]
    fn a_server_without_a_stream_is_refused() {
        assert!("hyper".parse::<Subject>().is_err());
    }
}
