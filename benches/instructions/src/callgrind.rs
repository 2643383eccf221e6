//! One run of this program under callgrind. What it does meanwhile is the caller's business.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Words that tell a run of this program what it is for.
pub(crate) const RUN_PATH: &str = "--run-path";
/// As [`RUN_PATH`]; the first line that such a run says is its address, and it ends with its input.
pub(crate) const SERVE: &str = "--serve";
/// As [`RUN_PATH`].
pub(crate) const SAY_CPU: &str = "--say-cpu";

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Collect {
    /// What runs inside of [`counted`].
    Counted,
    /// All of the process.
    Everything,
}

/// What callgrind counts, if only some of a process is to be.
#[inline(never)]
pub(crate) fn counted<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Runs this program with these words under callgrind, while `load` asks things of it, given the first
/// line that it says if it serves; gives the instructions that it took, and what else it said.
pub(crate) fn run(
    words: &[&str],
    collect: Collect,
    load: impl FnOnce(&str) -> Result<(), String>,
) -> Result<(f64, String), String> {
    let mut flags = vec!["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    if let Collect::Counted = collect {
        flags.push("--toggle-collect=instructions::callgrind::counted*");
    }
    let mut child = start(&flags, words)?;
    let mut said = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let mut first = String::new();
    let loaded = match words {
        [SERVE] => said
            .read_line(&mut first)
            .map_err(|error| text(&error))
            .and_then(|_| load(first.trim())),
        _ => Ok(()),
    };
    // Its input ends here, and with that a server.
    drop(child.stdin.take());
    let mut rest = String::new();
    said.read_to_string(&mut rest).map_err(|error| text(&error))?;
    let output = child.wait_with_output().map_err(|error| text(&error))?;
    let told = String::from_utf8_lossy(&output.stderr);
    loaded.map_err(|error| format!("{error}\n{told}"))?;
    if !output.status.success() {
        return Err(format!("it failed under valgrind:\n{told}"));
    }
    Ok((collected(&told)?, rest))
}

/// What this program says with these words under valgrind, which shows it a processor of its own.
pub(crate) fn say(word: &str) -> Result<String, String> {
    let output =
        start(&["--tool=none"], &[word])?.wait_with_output().map_err(|error| text(&error))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn start(flags: &[&str], words: &[&str]) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|error| text(&error))?;
    let mut command = Command::new("valgrind");
    // Nothing of what the user has set changes the allocator, or which functions libc uses.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.args(flags).arg(program).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| format!("valgrind does not run: {error}"))
}

/// The count in what callgrind says at the end.
fn collected(told: &str) -> Result<f64, String> {
    let count = told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.ok_or_else(|| format!("callgrind gave no count:\n{told}"))
}

fn text(error: &std::io::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let told = "==7== Callgrind\n==7== Events    : Ir\n==7== Collected : 123456\n";
        assert_eq!(collected(told), Ok(123_456.0));
        assert!(collected("==7== killed\n").is_err());
    }
}
