//! wrk as a load: one thread on one core, so many connections, so many requests at once on each.
//! Knows nothing of what a server costs.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// The script that pipelines and prints the totals.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wrk.lua");

/// How wrk is run.
#[derive(Clone, Copy, Debug)]
pub struct Wrk {
    /// The core it runs on.
    pub core: usize,
    /// Connections.
    pub connections: usize,
    /// Requests sent at once on each.
    pub depth: usize,
}

/// What a run says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Totals {
    /// Answers that came whole.
    pub requests: u64,
    /// Bytes of all answers.
    pub bytes: u64,
    /// Microseconds that it took.
    pub took_us: u64,
    /// What went wrong.
    pub errors: Errors,
}

/// What went wrong, by wrk's count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Errors {
    /// Connections that were refused.
    pub connect: u64,
    /// Connections that broke in reading.
    pub read: u64,
    /// Connections that broke in writing.
    pub write: u64,
    /// Answers that took too long.
    pub timeout: u64,
    /// Answers with a status of 400 or more.
    pub status: u64,
}

/// Whether wrk can be run.
///
/// # Errors
///
/// It is not installed: a line that says so.
pub fn is_installed() -> Result<(), String> {
    let quiet = Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match quiet {
        // It prints its version and its usage, and calls that a failure.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err("wrk is not installed, which is the load (Debian: apt-get install wrk)".to_owned())
        }
        Err(error) => Err(format!("wrk: {error}")),
    }
}

impl Wrk {
    /// Runs it against `/plaintext` for so many seconds.
    ///
    /// # Errors
    ///
    /// It cannot be run, or does not say what it did: a line that says why.
    pub fn run(&self, addr: SocketAddr, seconds: u64) -> Result<Totals, String> {
        let output = Command::new("taskset")
            .args(["-c", &self.core.to_string(), "wrk", "--threads", "1"])
            .args(["--connections", &self.connections.to_string()])
            .args(["--duration", &format!("{seconds}s"), "--script", SCRIPT])
            .args([&format!("http://{addr}/plaintext"), "--", &self.depth.to_string()])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("taskset: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        totals(&said).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("wrk gave no totals: {} {}", said.trim(), errors.trim())
        })
    }
}

/// The line of totals in what wrk says.
fn totals(said: &str) -> Option<Totals> {
    let line = said.lines().find_map(|line| line.strip_prefix("totals "))?;
    let numbers: Result<Vec<u64>, _> = line.split_whitespace().map(str::parse).collect();
    let [requests, bytes, took_us, connect, read, write, timeout, status] = numbers.ok()?[..]
    else {
        return None;
    };
    let errors = Errors { connect, read, write, timeout, status };
    Some(Totals { requests, bytes, took_us, errors })
}

impl Totals {
    /// What is wrong with the answers, if anything. Each is to have this length: another answer than
    /// the one that was looked at would show in the bytes. What was under way at the end is not
    /// counted as answered, but its bytes may be.
    pub fn failure(&self, answer_bytes: u64, under_way: u64) -> Option<String> {
        let Errors { connect, read, write, timeout, status } = self.errors;
        let expected = self.requests * answer_bytes;
        if self.requests == 0 {
            Some("no answer at all".to_owned())
        } else if self.errors != Errors::default() {
            Some(format!(
                "{status} answers of status 400 or more; connections: {connect} refused, \
                 {read} broken in reading, {write} in writing; {timeout} timeouts"
            ))
        } else if !(expected..=expected + under_way * answer_bytes).contains(&self.bytes) {
            Some(format!(
                "{} answers had {} bytes, not {answer_bytes} each",
                self.requests, self.bytes
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Totals {
        totals("Running 3s test\ntotals 1000 120050 3000000 0 0 0 0 0\n").unwrap()
    }

    #[test]
    fn totals_are_found_among_what_wrk_says() {
        assert_eq!((good().requests, good().bytes, good().took_us), (1000, 120_050, 3_000_000));
        assert_eq!(totals("Running 3s test\n"), None);
        assert_eq!(totals("totals 1 2 3\n"), None);
    }

    #[test]
    fn any_error_is_a_failure() {
        assert_eq!(good().failure(120, 64), None);
        let errors = Errors { status: 7, ..Errors::default() };
        let failure = Totals { errors, ..good() }.failure(120, 64).unwrap();
        assert!(failure.starts_with("7 answers of status 400 or more"), "{failure}");
        let errors = Errors { timeout: 1, ..Errors::default() };
        assert!(Totals { errors, ..good() }.failure(120, 64).is_some());
        assert!(Totals { requests: 0, ..good() }.failure(120, 64).is_some());
    }

    #[test]
    fn answers_of_another_length_are_a_failure() {
        assert!(good().failure(119, 64).is_none(), "as many bytes as may be under way");
        assert!(good().failure(121, 64).is_some(), "fewer");
        assert!(good().failure(119, 8).is_some(), "more");
    }
}
