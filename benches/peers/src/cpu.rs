//! Reads from `/proc` what a server costs: the CPU time of its processes and of the thread that works
//! off the softirqs of its core, and what the machine does besides. Needs Linux.

use std::time::Duration;

use procfs::process::{Process, all_processes};
use procfs::{CurrentSI, KernelStats};

/// What two counts in ticks, of some processes, may be off.
const TICKS_OFF: Duration = Duration::from_millis(50);

/// Whose time is read.
pub struct Meter {
    server: Vec<Process>,
    /// Loopback delivers in softirqs; what is left to this thread is spent for the server all the
    /// same. Not to be seen in a container.
    softirq: Option<Process>,
}

/// CPU time spent so far, or within a time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cpu {
    /// By the server's processes, to the nanosecond: by threads that run now.
    pub server_exact: Duration,
    /// By the server's processes, in ticks: by all their threads.
    pub server_ticks: Duration,
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
        let open = |pid: i32| Process::new(pid).map_err(|error| error.to_string());
        Ok(Self {
            server: family.into_iter().map(open).collect::<Result<_, _>>()?,
            softirq: softirq.map(|stat| open(stat.pid)).transpose()?,
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
        for process in &self.server {
            let stat = process.stat().map_err(failed)?;
            cpu.server_exact += exact(process).map_err(failed)?;
            cpu.server_ticks += ticks(stat.utime + stat.stime);
            cpu.server_user += ticks(stat.utime);
        }
        if let Some(thread) = &self.softirq {
            cpu.softirq = exact(thread).map_err(failed)?;
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
            server_exact: self.server_exact.saturating_sub(earlier.server_exact),
            server_ticks: self.server_ticks.saturating_sub(earlier.server_ticks),
            server_user: self.server_user.saturating_sub(earlier.server_user),
            softirq: self.softirq.saturating_sub(earlier.softirq),
            own: self.own.saturating_sub(earlier.own),
            machine: self.machine.saturating_sub(earlier.machine),
            stolen: self.stolen.saturating_sub(earlier.stolen),
        }
    }

    /// By the server's processes: exact, unless the ticks show that threads have ended meanwhile and
    /// took what they had spent with them.
    pub fn server(&self) -> Duration {
        if self.server_ticks > self.server_exact + TICKS_OFF {
            self.server_ticks
        } else {
            self.server_exact
        }
    }

    /// What all others spent, the softirq threads of other cores among them.
    pub fn others(&self) -> Duration {
        self.machine.saturating_sub(self.server() + self.softirq + self.own)
    }
}

/// The time of all threads, to the nanosecond; in ticks where the kernel does not tell.
fn exact(process: &Process) -> procfs::ProcResult<Duration> {
    let nanos: procfs::ProcResult<u64> =
        process.tasks()?.map(|task| Ok(task?.schedstat()?.sum_exec_runtime)).sum();
    match nanos {
        Ok(nanos) => Ok(Duration::from_nanos(nanos)),
        Err(_) => process.stat().map(|stat| ticks(stat.utime + stat.stime)),
    }
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1_000 / procfs::ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_spends_is_seen_as_the_servers() {
        let meter = Meter::new(std::process::id(), 0).unwrap();
        let before = meter.read().unwrap();
        let mut spent = Cpu::default();
        while spent.server_exact < Duration::from_millis(20) || spent.server_user.is_zero() {
            spent = meter.read().unwrap().since(before);
        }
        assert!(spent.machine >= spent.server_user, "{spent:?}");
    }

    #[test]
    fn what_threads_spent_that_have_ended_is_not_lost() {
        let meter = Meter::new(std::process::id(), 0).unwrap();
        let before = meter.read().unwrap();
        let busy = || {
            let meter = Meter::new(std::process::id(), 0).unwrap();
            let before = meter.read().unwrap();
            while meter.read().unwrap().since(before).server_ticks < TICKS_OFF * 4 {}
        };
        std::thread::spawn(busy).join().unwrap();
        let spent = meter.read().unwrap().since(before);
        assert!(spent.server() >= TICKS_OFF * 4, "{spent:?}");
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
            server_exact: seconds(3),
            softirq: seconds(1),
            own: seconds(2),
            machine: seconds(10),
            ..Cpu::default()
        };
        assert_eq!(cpu.others(), seconds(4));
    }
}
