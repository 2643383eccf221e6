//! Reads from `/proc` what the machine as a whole does: its softirq threads, the memory of its TCP
//! sockets, and how busy it is. Knows no process but these threads.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{cpu_time, run_time, ticks};

/// The thread that works off a core's network softirqs when there are many. Loopback traffic is
/// delivered in softirqs: what is left to this thread is spent for the server all the same.
#[derive(Clone, Debug)]
pub(crate) struct SoftirqThread {
    /// Its core.
    pub(crate) core: usize,
    pid: u32,
}

impl SoftirqThread {
    /// CPU time it has used so far; `None` where the kernel does not tell.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        // One thread, so its own exact count is that of the process.
        let schedstat = format!("/proc/{}/schedstat", self.pid);
        run_time(Path::new(&schedstat)).or_else(|| cpu_time(self.pid).ok())
    }
}

/// The softirq threads of these cores; none where they cannot be seen, as in a container.
pub(crate) fn softirq_threads(cores: &[usize]) -> Vec<SoftirqThread> {
    // Where there is no `/proc`, there is none to be found.
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut threads: Vec<_> = processes
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let name = fs::read_to_string(entry.path().join("comm")).ok()?;
            let core = name.trim_end().strip_prefix("ksoftirqd/")?.parse().ok()?;
            cores.contains(&core).then_some(SoftirqThread { core, pid })
        })
        .collect();
    threads.sort_unstable_by_key(|thread| thread.core);
    threads
}

/// Kernel memory of all TCP sockets of this network namespace, both ends of loopback connections.
/// `None` where the kernel does not tell.
pub(crate) fn tcp_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/sockstat").ok()?;
    Some(parse_tcp_pages(&text)? * page_bytes()?)
}

/// Memory that the kernel keeps its own objects in: slabs, where its sockets are, stacks of threads, and
/// page tables. `None` where it does not tell.
pub(crate) fn object_bytes() -> Option<u64> {
    parse_objects(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_objects(meminfo: &str) -> Option<u64> {
    let kib = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((kib("Slab:")? + kib("KernelStack:")? + kib("PageTables:")?) * 1024)
}

/// Waits until the kernel gives back no more of its objects. It frees sockets a while after they are
/// closed: what a run before this one left would hide as much of what this one needs. At most three
/// seconds, on a machine where others close sockets all the time.
pub(crate) fn settle_objects() {
    const STEP: Duration = Duration::from_millis(250);
    const STEPS: usize = 12;
    /// Less is given back all the time.
    const LITTLE_BYTES: u64 = 64 * 1024;
    let Some(mut before) = object_bytes() else { return };
    let mut quiet = 0;
    for _ in 0..STEPS {
        thread::sleep(STEP);
        let Some(now) = object_bytes() else { return };
        quiet = if now + LITTLE_BYTES < before { 0 } else { quiet + 1 };
        if quiet == 2 {
            return;
        }
        before = now;
    }
}

fn parse_tcp_pages(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "mem");
    words.nth(1)?.parse().ok()
}

/// The size of a page, as the kernel told this process when it started.
fn page_bytes() -> Option<u64> {
    const AT_PAGESZ: usize = 6;
    const WORD: usize = size_of::<usize>();
    let vector = fs::read("/proc/self/auxv").ok()?;
    let word = |bytes: &[u8]| Some(usize::from_ne_bytes(bytes.try_into().ok()?));
    vector
        .chunks_exact(2 * WORD)
        .find(|pair| word(&pair[..WORD]) == Some(AT_PAGESZ))
        .and_then(|pair| u64::try_from(word(&pair[WORD..])?).ok())
}

/// CPU time that all cores have spent on work, and that a hypervisor has taken from them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Busy {
    pub(crate) work: Duration,
    pub(crate) stolen: Duration,
}

/// What all cores have done so far; `None` where the kernel does not tell.
pub(crate) fn busy() -> Option<Busy> {
    parse_busy(&fs::read_to_string("/proc/stat").ok()?)
}

fn parse_busy(stat: &str) -> Option<Busy> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let mut fields = line.split_whitespace().map_while(|word| word.parse().ok());
    let mut next = || fields.next();
    let (user, nice, system) = (next()?, next()?, next()?);
    let (_idle, _waiting) = (next()?, next()?);
    let (irq, softirq, stolen): (u64, u64, u64) = (next()?, next()?, next()?);
    let work: u64 = user + nice + system + irq + softirq;
    Some(Busy { work: ticks(work), stolen: ticks(stolen) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_memory_is_read_in_pages() {
        let sockstat = "sockets: used 41\nTCP: inuse 17 orphan 0 tw 276 alloc 17 mem 462\n\
                        UDP: inuse 0 mem 3\n";
        assert_eq!(parse_tcp_pages(sockstat), Some(462));
        assert_eq!(parse_tcp_pages("TCP: inuse 17\n"), None);
    }

    #[test]
    fn objects_are_slabs_stacks_and_page_tables() {
        let meminfo = "MemTotal: 9 kB\nSlab: 100 kB\nKernelStack:   20 kB\nPageTables: 3 kB\n";
        assert_eq!(parse_objects(meminfo), Some(123 * 1024));
        assert_eq!(parse_objects("Slab: 100 kB\n"), None);
    }

    #[test]
    fn work_is_all_but_idling_waiting_and_what_was_stolen() {
        let stat = "cpu  100 20 30 4000 500 6 7 80 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        let busy = parse_busy(stat).unwrap();
        assert_eq!(busy.work, Duration::from_millis(1_630));
        assert_eq!(busy.stolen, Duration::from_millis(800));
        assert_eq!(parse_busy("cpu0 1 2 3\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_can_be_read() {
        assert!(page_bytes().is_some_and(u64::is_power_of_two));
        assert!(tcp_bytes().is_some());
        assert!(object_bytes().is_some_and(|bytes| bytes > 0));
        assert!(busy().is_some_and(|busy| busy.work > Duration::ZERO));
    }
}
