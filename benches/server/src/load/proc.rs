//! Reads from `/proc` what a process costs, and which process listens on a port.
//! Where there is no `/proc`, each answer is an error that says so; a run goes on without. What the
//! machine does besides is in `machine`.

pub(crate) mod machine;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Units of process times in `/proc`, per second: fixed at 100 for user space on every
/// architecture that Linux still supports.
const TICKS_PER_SECOND: u64 = 100;

/// The most threads whose times are asked for one by one.
const EXACT_THREADS: usize = 64;

/// Where times stand in a `stat`, counted from the command name on: in user space, then in the kernel.
const OWN_TIMES: usize = 11;
const CHILDREN_TIMES: usize = 13;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time in user space.
    pub(crate) user: Duration,
    /// CPU time in the kernel.
    pub(crate) system: Duration,
    /// CPU time of the threads that run now, exact where the other two count in ticks of 10 ms.
    pub(crate) exact: Option<Duration>,
    /// Resident memory now.
    pub(crate) rss_bytes: u64,
    /// The most that it has been.
    pub(crate) peak_rss_bytes: u64,
}

/// What a thread did so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ThreadTime {
    /// Time it ran.
    pub(crate) ran: Duration,
    /// Time it could have run, had a core been free.
    pub(crate) waited: Duration,
}

/// What process `pid` has used so far.
pub(crate) fn usage(pid: u32) -> io::Result<Usage> {
    let stat = read(&PathBuf::from(format!("/proc/{pid}/stat")))?;
    let status = read(&PathBuf::from(format!("/proc/{pid}/status")))?;
    let usage = parse_usage(&stat, &status).ok_or_else(|| unreadable("the process's entry"))?;
    Ok(Usage { exact: exact_time(pid, &status), ..usage })
}

/// `None` where the kernel does not tell, or where there are so many threads that to ask for each
/// would disturb what is measured.
fn exact_time(pid: u32, status: &str) -> Option<Duration> {
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
    if threads.trim().parse::<usize>().ok()? > EXACT_THREADS {
        return None;
    }
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let time = |task: fs::DirEntry| match run_time(&task.path().join("schedstat")) {
        // It has ended meanwhile, and is none of those that run now.
        None if !task.path().exists() => None,
        time => Some(time),
    };
    tasks.flatten().filter_map(time).sum()
}

/// The first number of a `schedstat`: how long a thread has run.
fn run_time(schedstat: &Path) -> Option<Duration> {
    let text = fs::read_to_string(schedstat).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// How many files process `pid` has open; `None` where that cannot be seen.
pub(crate) fn files(pid: u32) -> Option<usize> {
    fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count)
}

/// CPU time of process `pid` so far; of the kernel's own, too.
fn cpu_time(pid: u32) -> io::Result<Duration> {
    let stat = read(&PathBuf::from(format!("/proc/{pid}/stat")))?;
    let (user, system) = parse_times(&stat).ok_or_else(|| unreadable("the process's entry"))?;
    Ok(user + system)
}

/// CPU time, in ticks of 10 ms, of the children of this process that have ended and were waited for.
pub(crate) fn children_time() -> io::Result<Duration> {
    let stat = read(Path::new("/proc/self/stat"))?;
    let (user, system) =
        parse_pair(&stat, CHILDREN_TIMES).ok_or_else(|| unreadable("this process's entry"))?;
    Ok(user + system)
}

/// The cores that process `pid` may run on.
pub(crate) fn cores(pid: u32) -> io::Result<Vec<usize>> {
    let status = read(&PathBuf::from(format!("/proc/{pid}/status")))?;
    parse_cores(&status).ok_or_else(|| unreadable("the process's entry"))
}

/// What the calling thread did so far; `None` where the kernel does not tell.
pub(crate) fn thread_time() -> Option<ThreadTime> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut nanos = text.split_whitespace().map_while(|word| word.parse().ok());
    Some(ThreadTime {
        ran: Duration::from_nanos(nanos.next()?),
        waited: Duration::from_nanos(nanos.next()?),
    })
}

/// Files this process may have open; `None` where there is no limit, or it is not told.
pub(crate) fn open_file_limit() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The processes that listen on `addr`, or on its port at every address: several where they share
/// a listening socket.
pub(crate) fn listeners(addr: SocketAddr) -> Result<Vec<u32>, String> {
    let table = match addr.ip() {
        IpAddr::V4(_) => ["/proc/net/tcp", "/proc/net/tcp6"],
        IpAddr::V6(_) => ["/proc/net/tcp6", "/proc/net/tcp"],
    };
    let mut inodes = Vec::new();
    for path in table {
        // A kernel without IPv6 has no second table.
        let text = fs::read_to_string(path).unwrap_or_default();
        inodes.extend(text.lines().filter_map(|line| listening_inode(line, addr)));
    }
    if inodes.is_empty() {
        return Err(format!("/proc/net shows no socket that listens on {addr}"));
    }
    let names: Vec<PathBuf> =
        inodes.iter().map(|inode| PathBuf::from(format!("socket:[{inode}]"))).collect();
    let processes = fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))?;
    let mut pids: Vec<u32> = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| holds(*pid, &names))
        .collect();
    if pids.is_empty() {
        return Err(format!("the files of the process that listens on {addr} cannot be read"));
    }
    pids.sort_unstable();
    Ok(pids)
}

fn holds(pid: u32, names: &[PathBuf]) -> bool {
    // Processes of other users cannot be read, others end meanwhile: both are passed over.
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| names.contains(&link)))
}

/// The inode of a line of `/proc/net/tcp`, if it is of a socket that listens on `addr`.
fn listening_inode(line: &str, addr: SocketAddr) -> Option<u64> {
    const LISTEN: &str = "0A";
    let mut words = line.split_whitespace().skip(1);
    let (ip, port) = words.next()?.split_once(':')?;
    let state = words.nth(1)?;
    let inode = words.nth(5)?.parse().ok()?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = kernel_address(ip)?;
    let fits = ip.is_unspecified() || ip.to_canonical() == addr.ip().to_canonical();
    (state == LISTEN && port == addr.port() && fits).then_some(inode)
}

/// The kernel prints addresses as 32-bit words in the byte order of the machine.
fn kernel_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok();
    if hex.len() == 8 {
        return Some(IpAddr::V4(Ipv4Addr::from(word(0)?.to_ne_bytes())));
    }
    let mut bytes = [0; 16];
    for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
        part.copy_from_slice(&word(8 * index)?.to_ne_bytes());
    }
    Some(IpAddr::V6(Ipv6Addr::from(bytes)))
}

fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    let (user, system) = parse_times(stat)?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    let (rss_bytes, peak_rss_bytes) = (bytes("VmRSS:")?, bytes("VmHWM:")?);
    Some(Usage { user, system, exact: None, rss_bytes, peak_rss_bytes })
}

/// Time in user space and in the kernel.
fn parse_times(stat: &str) -> Option<(Duration, Duration)> {
    parse_pair(stat, OWN_TIMES)
}

/// Two times that follow one another in a `stat`.
fn parse_pair(stat: &str, first: usize) -> Option<(Duration, Duration)> {
    // The command name, in parentheses, may hold spaces and parentheses itself.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(first);
    let mut time = || fields.next()?.parse().ok().map(ticks);
    Some((time()?, time()?))
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1_000 / TICKS_PER_SECOND)
}

/// A list such as `0,2-5`.
fn parse_cores(status: &str) -> Option<Vec<usize>> {
    parse_list(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?)
}

/// The cores of such a list.
pub(crate) fn parse_list(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.trim().split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        cores.extend(from.parse::<usize>().ok()?..=to.parse::<usize>().ok()?);
    }
    Some(cores)
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} in /proc is not understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_holds_parentheses_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 9 0 0 0 250 125 0 0 20 0 3 0 1 2 3";
        let status = "Name:\ta\nVmPeak:\t 9 kB\nVmHWM:\t 4096 kB\nVmRSS:\t    2048 kB\n";
        let usage = parse_usage(stat, status).unwrap();
        assert_eq!(usage.user, Duration::from_millis(2_500));
        assert_eq!(usage.system, Duration::from_millis(1_250));
        assert_eq!(usage.rss_bytes, 2 * 1024 * 1024);
        assert_eq!(usage.peak_rss_bytes, 4 * 1024 * 1024);
        let children = stat.replace("125 0 0 20", "125 30 7 20");
        let times = (Duration::from_millis(300), Duration::from_millis(70));
        assert_eq!(parse_pair(&children, CHILDREN_TIMES), Some(times));
    }

    #[test]
    fn cores_are_read_as_numbers_and_ranges() {
        let cores = |list: &str| parse_cores(&format!("Name:\ta\nCpus_allowed_list:\t{list}\n"));
        assert_eq!(cores("0"), Some(vec![0]));
        assert_eq!(cores("0,2-4,7"), Some(vec![0, 2, 3, 4, 7]));
        assert_eq!(cores("x"), None);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_listening_socket_is_found_by_address_and_port() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    1000        0 43210 1 0000000000000000 100 0 0 10 0";
        let find = |addr: &str| listening_inode(line, addr.parse().unwrap());
        assert_eq!(find("127.0.0.1:8080"), Some(43_210));
        assert_eq!(find("127.0.0.1:8081"), None);
        assert_eq!(find("127.0.0.2:8080"), None);
        let connected = line.replace(" 0A ", " 01 ");
        assert_eq!(listening_inode(&connected, "127.0.0.1:8080".parse().unwrap()), None);
        let everywhere = line.replace("0100007F", &"0".repeat(32));
        assert_eq!(listening_inode(&everywhere, "[::1]:8080".parse().unwrap()), Some(43_210));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_that_listens_here_is_this_one() {
        let listener_socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener_socket.local_addr().unwrap();
        assert_eq!(listeners(addr), Ok(vec![std::process::id()]));
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 0);
        assert!(usage.exact.is_some_and(|time| time > Duration::ZERO));
    }
}
