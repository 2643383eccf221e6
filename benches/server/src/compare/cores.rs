//! Which core servers and loads are kept on, and how a child gets there. Where there are not two cores,
//! or the system knows no such thing, nobody is pinned, and a warning says so.

use std::io;
use std::process::{Child, Command};

/// The core of the servers, and that of the loads.
pub(super) type Pinned = Option<(usize, usize)>;

/// Chooses two cores of those that this process may run on, not threads of one core if that can be
/// helped.
pub(super) fn choose(warnings: &mut Vec<String>) -> Pinned {
    let (pinned, warning) = choose_of(&system::allowed(), count(), system::siblings);
    warnings.extend(warning.map(str::to_owned));
    pinned
}

/// Of these; `count` is how many of them may be kept busy at once, which a quota makes fewer.
fn choose_of(
    allowed: &[usize],
    count: usize,
    siblings: impl Fn(usize) -> Vec<usize>,
) -> (Pinned, Option<&'static str>) {
    let Some((&server, others)) = allowed.split_first() else {
        let warning = "servers and loads are not kept on cores of their own: this system cannot";
        return (None, Some(warning));
    };
    let (true, Some(&second)) = (count > 1, others.first()) else {
        let warning = "there is one core only: the load takes from the server what it needs itself, and \
                       every figure is lower for it";
        return (None, Some(warning));
    };
    let siblings = siblings(server);
    match others.iter().find(|core| !siblings.contains(core)) {
        Some(&load) => (Some((server, load)), None),
        None => (
            Some((server, second)),
            Some("server and load share a core: there are only two threads of it"),
        ),
    }
}

/// Starts a child on a core.
pub(super) fn spawn(command: &mut Command, core: Option<usize>) -> io::Result<Child> {
    let Some(core) = core else { return command.spawn() };
    // A child begins where the thread is that starts it.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            system::pin(core)?;
            command.spawn()
        });
        thread.join().map_err(|_| io::Error::other("the thread that starts a child panicked"))?
    })
}

/// How many cores there are to run on.
pub(super) fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn allowed() -> Vec<usize> {
        // Where it is not told, nobody can be pinned either.
        let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
        (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
    }

    pub(super) fn pin(core: usize) -> io::Result<()> {
        let mut set = CpuSet::new();
        set.set(core);
        Ok(sched_setaffinity(None, &set)?)
    }

    /// The cores that are one with this: itself, and its other thread.
    pub(super) fn siblings(core: usize) -> Vec<usize> {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        // Where it is not told, each is taken for a core of its own.
        crate::load::proc::parse_list(&fs::read_to_string(path).unwrap_or_default())
            .unwrap_or_default()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn pin(_core: usize) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn siblings(_core: usize) -> Vec<usize> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cores_are_apart_where_there_are_two() {
        // Two threads each: 0 and 4, 1 and 5.
        let siblings = |core: usize| vec![core % 4, core % 4 + 4];
        for (allowed, count, pinned, warning) in [
            (&[0, 4, 1][..], 3, Some((0, 1)), None),
            (&[0, 4], 2, Some((0, 4)), Some("share a core")),
            (&[0], 1, None, Some("one core only")),
            // A quota of less than two cores.
            (&[0, 1], 1, None, Some("one core only")),
            (&[], 1, None, Some("this system cannot")),
        ] {
            let chosen = choose_of(allowed, count, siblings);
            assert_eq!(chosen.0, pinned, "{allowed:?}");
            let said = |what: &str| chosen.1.is_some_and(|line| line.contains(what));
            assert!(warning.map_or(chosen.1.is_none(), said), "{allowed:?}: {chosen:?}");
        }
    }
}
