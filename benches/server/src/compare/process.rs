//! Children that do something and end: started on a core, listened to, ended when they take too long
//! or the comparison is to stop.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::stop::Stop;
use super::{Trouble, cores};

/// Between two looks at a child.
const LOOK: Duration = Duration::from_millis(5);

/// A child that is ended when it is dropped.
#[derive(Debug)]
pub(super) struct Owned(Child);

impl Owned {
    /// Starts it on a core.
    pub(super) fn spawn(command: &mut Command, core: Option<usize>) -> Result<Self, String> {
        let name = command.get_program().display().to_string();
        command.stdin(Stdio::null());
        cores::spawn(command, core).map(Self).map_err(|error| format!("{name}: {error}"))
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn get(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self, patience: Duration, stop: &Stop) -> Result<ExitStatus, Trouble> {
        let begin = Instant::now();
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) => return Err(Trouble::Failed(error.to_string())),
            }
            if stop.is_asked_for() {
                return Err(Trouble::Interrupted);
            }
            if begin.elapsed() > patience {
                let seconds = patience.as_secs();
                return Err(Trouble::Failed(format!("it did not end within {seconds} s")));
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a child said, and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: ExitStatus,
    pub(super) out: String,
    pub(super) errors: String,
}

/// Runs a child to its end.
pub(super) fn run(
    command: &mut Command,
    core: Option<usize>,
    patience: Duration,
    stop: &Stop,
) -> Result<Said, Trouble> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Owned::spawn(command, core)?;
    let out = collect(child.get().stdout.take());
    let errors = collect(child.get().stderr.take());
    let status = child.wait(patience, stop)?;
    Ok(Said { status, out: text(out), errors: text(errors) })
}

/// Reads all that a child says, on a thread, so that it never waits for a reader.
pub(super) fn collect(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from
            && let Err(error) = from.read_to_end(&mut bytes)
        {
            bytes.extend_from_slice(format!("(cut off: {error})").as_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What was collected.
pub(super) fn text(of: JoinHandle<String>) -> String {
    of.join().unwrap_or_else(|_| "(the thread that listened panicked)".to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sleeper() -> Command {
        let mut command = Command::new("sleep");
        command.arg("600");
        command
    }

    #[test]
    fn what_a_child_says_is_heard() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo said; echo complained >&2; exit 3"]);
        let said = run(&mut command, None, Duration::from_mins(1), &Stop::default()).unwrap();
        assert_eq!((said.out.as_str(), said.errors.as_str()), ("said\n", "complained\n"));
        assert_eq!(said.status.code(), Some(3));
    }

    #[test]
    fn a_child_that_takes_too_long_is_a_failure() {
        let ended = run(&mut sleeper(), None, Duration::ZERO, &Stop::default());
        assert!(matches!(ended, Err(Trouble::Failed(_))), "{ended:?}");
    }

    #[test]
    fn whoever_asks_to_stop_is_obeyed() {
        let stop = Stop::default();
        stop.ask_for();
        let ended = run(&mut sleeper(), None, Duration::from_mins(1), &stop);
        assert!(matches!(ended, Err(Trouble::Interrupted)), "{ended:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure() {
        let mut command = Command::new("/no/such/program");
        let ended = run(&mut command, None, Duration::ZERO, &Stop::default());
        assert!(
            matches!(ended, Err(Trouble::Failed(line)) if line.starts_with("/no/such/program"))
        );
    }
}
