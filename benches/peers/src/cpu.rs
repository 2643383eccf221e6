//! Reads what a server costs: the CPU time of its processes and of the thread that works off the
//! softirqs of its core, and what the machine does besides. Needs Linux.

use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use procfs::process::{Process, all_processes};
use procfs::{CurrentSI, KernelStats};

/// Whose time is read.
pub struct Meter {
    server: Vec<(Process, ClockId)>,
    /// Loopback delivers in softirqs; what is left to this thread is spent for the server all the
    /// same. Not to be seen in a container.
    softirq: Option<ClockId>,
}

/// CPU time spent so far, or within a time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cpu {
    /// By the server's processes, to the nanosecond, with what threads spent that have ended.
    pub server: Duration,
    /// Of that, in user space: where ticks of the clock found it, as the kernel counts it.
    pub server_user: Duration,
    /// By the softirq thread of the server's core.
    pub softirq: Duration,
    /// By this process, and its children that have ended.
    pub own: Duration,
    /// By everything on all cores.
    pub machine: Duration,
    /// What a hypervisor has taken from all cores.
    pub stolen: Duration,
}

impl Meter {
    /// A meter of the process and its descendants, as they are now, on this core.
    ///
    /// # Errors
    ///
    /// There is no `/proc`, or no such process.
    pub fn new(pid: u32, core: usize) -> Result<Self, String> {
        let stats: Vec<_> = all_processes()
            .map_err(|error| format!("/proc: {error}"))?
            // Others may end meanwhile.
            .filter_map(|process| process.ok()?.stat().ok())
            .collect();
        let root = i32::try_from(pid).map_err(|error| error.to_string())?;
        let mut family = vec![root];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            family.extend(stats.iter().filter(|stat| stat.ppid == parent).map(|stat| stat.pid));
            at += 1;
        }
        let name = format!("ksoftirqd/{core}");
        let softirq = stats.iter().find(|stat| stat.comm == name);
        let open = |pid: i32| -> Result<_, String> {
            let process = Process::new(pid).map_err(|error| error.to_string())?;
            Ok((process, clock(pid)?))
        };
        Ok(Self {
            server: family.into_iter().map(open).collect::<Result<_, _>>()?,
            softirq: softirq.map(|stat| clock(stat.pid)).transpose()?,
        })
    }

    /// Whether the softirq thread is seen.
    pub fn sees_softirqs(&self) -> bool {
        self.softirq.is_some()
    }

    /// What has been spent so far.
    ///
    /// # Errors
    ///
    /// The server has ended.
    pub fn read(&self) -> Result<Cpu, String> {
        let failed = |error: procfs::ProcError| format!("/proc: {error}");
        let mut cpu = Cpu::default();
        for (process, clock) in &self.server {
            cpu.server += spent(*clock)?;
            cpu.server_user += ticks(process.stat().map_err(failed)?.utime);
        }
        if let Some(clock) = self.softirq {
            cpu.softirq = spent(clock)?;
        }
        let own = Process::myself().and_then(|own| own.stat()).map_err(failed)?;
        let children = own.cutime.saturating_add(own.cstime);
        // The kernel counts from zero upwards.
        cpu.own = ticks(own.utime + own.stime + children.unsigned_abs());
        let all = KernelStats::current().map_err(failed)?.total;
        let softirq = all.irq.unwrap_or(0) + all.softirq.unwrap_or(0);
        cpu.machine = ticks(all.user + all.nice + all.system + softirq);
        cpu.stolen = ticks(all.steal.unwrap_or(0));
        Ok(cpu)
    }
}

impl Cpu {
    /// What was spent since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            server_user: self.server_user.saturating_sub(earlier.server_user),
            softirq: self.softirq.saturating_sub(earlier.softirq),
            own: self.own.saturating_sub(earlier.own),
            machine: self.machine.saturating_sub(earlier.machine),
            stolen: self.stolen.saturating_sub(earlier.stolen),
        }
    }

    /// What all others spent, the softirq threads of other cores among them.
    pub fn others(&self) -> Duration {
        self.machine.saturating_sub(self.server + self.softirq + self.own)
    }
}

/// The clock of a process: it does not forget what threads spent that have ended, as the sum of those
/// that run would.
fn clock(pid: i32) -> Result<ClockId, String> {
    clock_getcpuclockid(Pid::from_raw(pid)).map_err(|error| format!("process {pid}: {error}"))
}

/// What it shows.
fn spent(clock: ClockId) -> Result<Duration, String> {
    clock.now().map(Duration::from).map_err(|error| format!("a process' clock: {error}"))
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1_000 / procfs::ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than a tick, and than what a test does besides.
    const ENOUGH: Duration = Duration::from_millis(50);

    fn meter() -> Meter {
        Meter::new(std::process::id(), 0).unwrap()
    }

    #[test]
    fn what_this_process_spends_is_seen_as_the_servers() {
        let meter = meter();
        let before = meter.read().unwrap();
        let mut spent = Cpu::default();
        while spent.server < ENOUGH || spent.server_user.is_zero() {
            spent = meter.read().unwrap().since(before);
        }
        assert!(spent.machine >= spent.server_user, "{spent:?}");
    }

    #[test]
    fn what_threads_spent_that_have_ended_is_not_lost() {
        let meter = meter();
        let spent = || meter.read().unwrap().server;
        // What was spent before the thread ended, and not by others, is not to vanish with it.
        let (at_end, after) = std::thread::scope(|scope| {
            let busy = || {
                let begin = spent();
                while spent().saturating_sub(begin) < ENOUGH {}
                spent()
            };
            let at_end = scope.spawn(busy).join().unwrap();
            (at_end, spent())
        });
        assert!(after >= at_end, "{after:?} after {at_end:?}");
    }

    #[test]
    fn a_process_that_does_not_exist_is_refused() {
        // The largest that a kernel can be told to give is 2^22.
        assert!(Meter::new(1 << 22 | 1, 0).is_err());
    }

    #[test]
    fn what_neither_server_nor_load_spent_was_others() {
        let seconds = Duration::from_secs;
        let cpu = Cpu {
            server: seconds(3),
            softirq: seconds(1),
            own: seconds(2),
            machine: seconds(10),
            ..Cpu::default()
        };
        assert_eq!(cpu.others(), seconds(4));
    }
}
