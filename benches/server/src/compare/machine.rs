//! What a comparison runs on: processor, memory, kernel, limits, and the programs that take part.

use std::fs;
use std::process::{Command, Stdio};

use super::cores::{self, Pinned};
use super::model::Machine;

/// Describes this machine.
pub(super) fn describe(pinned: Pinned) -> Machine {
    Machine {
        processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: cores::count(),
        memory_bytes: memory_bytes().unwrap_or(0),
        kernel: kernel(),
        open_files: file_limit(),
        locked_memory_bytes: limits::locked_memory(),
        pinned,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        valgrind: first_line("valgrind", &["--version"]),
        wrk: wrk_version(),
    }
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

/// Without its copyright.
fn wrk_version() -> Option<String> {
    let line = first_line("wrk", &["-v"])?;
    Some(line.split(" [").next().unwrap_or(&line).to_owned())
}

/// What a program says first, if it is there.
pub(super) fn first_line(program: &str, flags: &[&str]) -> Option<String> {
    let output = Command::new(program).args(flags).stdin(Stdio::null()).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let line = String::from_utf8_lossy(&said).lines().next()?.trim().to_owned();
    Some(line)
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
