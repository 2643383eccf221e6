//! What a comparison runs on: processor, memory, kernel, limits, and the programs that take part.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::cores::{self, Pinned};
use super::model::Machine;
use super::stop::Stop;
use super::{Trouble, process};

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Describes this machine. Only a wish to stop is an error.
pub(super) fn describe(pinned: Pinned, stop: &Stop) -> Result<Machine, Trouble> {
    Ok(Machine {
        processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: cores::count(),
        memory_bytes: memory_bytes().unwrap_or(0),
        kernel: kernel(),
        open_files: file_limit(),
        locked_memory_bytes: limits::locked_memory(),
        pinned,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        valgrind: first_line("valgrind", &["--version"], stop)?,
        wrk: first_line("wrk", &["-v"], stop)?.as_deref().map(without_copyright),
    })
}

/// Files that this process, and its children, may have open; none where there is no limit.
pub(super) fn file_limit() -> Option<u64> {
    limits::files()
}

/// Allows as many open files as may be allowed. Gives what is to be known about that.
pub(super) fn raise_file_limit() -> Vec<String> {
    limits::raise_files()
        .err()
        .map(|reason| format!("the limit of open files stays: {reason}"))
        .into_iter()
        .collect()
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned()
}

/// What wrk says of itself, and no more.
fn without_copyright(line: &str) -> String {
    line.split(" [").next().unwrap_or(line).to_owned()
}

/// What a program says first. None if it is not there, or does not even say what it is: then nothing can
/// be asked of it.
fn first_line(program: &str, flags: &[&str], stop: &Stop) -> Result<Option<String>, Trouble> {
    match process::run(Command::new(program).args(flags), None, PATIENCE, stop) {
        // wrk calls it a failure to be asked for its version.
        Ok(said) => Ok(said
            .out
            .lines()
            .chain(said.errors.lines())
            .next()
            .map(|line| line.trim().to_owned())),
        Err(Trouble::Failed(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

#[cfg(target_os = "linux")]
mod limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    pub(super) fn files() -> Option<u64> {
        getrlimit(Resource::Nofile).current
    }

    pub(super) fn locked_memory() -> Option<u64> {
        getrlimit(Resource::Memlock).current
    }

    pub(super) fn raise_files() -> Result<(), String> {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
            .map_err(|error| error.to_string())
    }
}

#[cfg(not(target_os = "linux"))]
mod limits {
    pub(super) fn files() -> Option<u64> {
        None
    }

    pub(super) fn locked_memory() -> Option<u64> {
        None
    }

    pub(super) fn raise_files() -> Result<(), String> {
        Ok(())
    }
}
