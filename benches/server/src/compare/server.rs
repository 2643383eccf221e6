//! A server that is measured: started on a core, known to be ready by the line it says, ended when
//! dropped. One that runs already is left alone.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process::{self, Owned};
use super::stop::Stop;
use super::{Trouble, probe};

/// How long a server may take until it is ready; under valgrind that is long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether to stop.
const LOOK: Duration = Duration::from_millis(20);

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    /// Where it listens.
    pub(super) addr: SocketAddr,
    child: Option<Child>,
}

#[derive(Debug)]
struct Child {
    process: Owned,
    errors: JoinHandle<String>,
}

impl Server {
    /// One that runs already.
    pub(super) fn that_runs(addr: SocketAddr) -> Self {
        Self { addr, child: None }
    }

    /// Starts one; returns once it has said where it listens.
    pub(super) fn start(
        command: &mut Command,
        core: Option<usize>,
        stop: &Stop,
    ) -> Result<Self, Trouble> {
        Self::start_under(command, core, None, stop)
    }

    /// The same under valgrind, which lets no other thread run while one waits in `io_uring`: requests
    /// to where it will listen wake that one.
    pub(super) fn start_under(
        command: &mut Command,
        core: Option<usize>,
        wake: Option<SocketAddr>,
        stop: &Stop,
    ) -> Result<Self, Trouble> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Owned::spawn(command, core)?;
        let errors = process::collect(process.get().stderr.take());
        let out = process.get().stdout.take();
        let (first, ready) = mpsc::channel();
        thread::spawn(move || {
            let Some(out) = out else { return };
            let mut out = BufReader::new(out);
            let mut line = String::new();
            // Whatever it is, it is no ready line then.
            out.read_line(&mut line).ok();
            // Nobody waits any more when it took too long.
            first.send(line).ok();
            // What else it says must not block it.
            std::io::copy(&mut out, &mut std::io::sink()).ok();
        });
        let begin = Instant::now();
        let line = loop {
            match ready.recv_timeout(LOOK) {
                Ok(line) => break line,
                Err(RecvTimeoutError::Disconnected) => break String::new(),
                Err(RecvTimeoutError::Timeout) if stop.is_asked_for() => {
                    return Err(Trouble::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) if begin.elapsed() > PATIENCE => {
                    let seconds = PATIENCE.as_secs();
                    return Err(Trouble::Failed(format!("not ready within {seconds} s")));
                }
                // Until it listens it refuses.
                Err(RecvTimeoutError::Timeout) => drop(wake.map(wake_up)),
            }
        };
        let child = Child { process, errors };
        match address(&line) {
            Some(addr) => Ok(Self { addr, child: Some(child) }),
            None => Err(Trouble::Failed(format!("it does not start: {}", child.end()))),
        }
    }

    /// Its process, if it was started here.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.process.id())
    }

    /// Ends it by a signal that it obeys, also under valgrind; gives what it complained about.
    #[cfg(target_os = "linux")]
    pub(super) fn stop(mut self, stop: &Stop) -> Result<String, Trouble> {
        let Some(mut child) = self.child.take() else { return Ok(String::new()) };
        let begin = Instant::now();
        while child.process.get().try_wait().is_ok_and(|status| status.is_none()) {
            if let Some(pid) = rustix::process::Pid::from_raw(child.process.id().cast_signed()) {
                // It may have ended since.
                rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
            }
            // Once the signal has come nothing is answered any more.
            drop(wake_up(self.addr));
            if begin.elapsed() > PATIENCE {
                return Err(Trouble::Failed("it does not end".to_owned()));
            }
            if stop.is_asked_for() {
                return Err(Trouble::Interrupted);
            }
            thread::sleep(LOOK);
        }
        Ok(child.end())
    }
}

impl Child {
    /// What it complained about, in one line.
    fn end(self) -> String {
        drop(self.process);
        process::text(self.errors).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn wake_up(addr: SocketAddr) -> std::io::Result<u16> {
    probe::status(addr, "/plaintext")
}

/// The address in a ready line.
fn address(line: &str) -> Option<SocketAddr> {
    let rest = line.strip_prefix("listening on http://")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_line_says_where() {
        let addr = Some("127.0.0.1:7".parse().unwrap());
        assert_eq!(address("listening on http://127.0.0.1:7 engine=std workers=1\n"), addr);
        assert_eq!(address("listening on http://127.0.0.1:7\n"), addr);
        assert_eq!(address(""), None);
        assert_eq!(address("listening on http://nowhere\n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_server_that_ends_at_once_says_why() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no luck >&2"]);
        let started = Server::start(&mut command, None, &Stop::default());
        let Err(Trouble::Failed(line)) = started else { panic!("{started:?}") };
        assert_eq!(line, "it does not start: no luck");
    }
}
