//! What a run cost: the server's CPU and memory, the kernel's memory, and this client's own CPU.
//! Reads only; what the numbers mean is said in `report`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::proc::machine::{self, Busy, SoftirqThread};
use super::proc::{self, ThreadTime, Usage};

/// How far a time in ticks may be from the exact one.
const TICKS_ARE_OFF: Duration = Duration::from_millis(50);

/// Readings of the server's processes, of this one, and of the machine.
#[derive(Debug)]
pub(crate) struct Meter {
    /// The server's processes, or why they are not known.
    pub(crate) server: Result<Vec<u32>, String>,
    softirq: Vec<SoftirqThread>,
    before_first: Memory,
    after_last: Memory,
    window: Span,
    storm: Span,
}

/// Memory at one time; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident memory of the server.
    pub(crate) rss: Option<u64>,
    /// The most that it has been since the server started.
    pub(crate) peak: Option<u64>,
    /// Kernel memory of all TCP sockets.
    pub(crate) tcp: Option<u64>,
    /// Memory of the kernel's own objects, those of sockets among them.
    pub(crate) objects: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    server: Option<Usage>,
    softirq: Option<Duration>,
    own: Option<Usage>,
    thread: Option<ThreadTime>,
    machine: Option<Busy>,
    memory: Memory,
}

/// Readings at the begin and the end of something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    begin: Option<Reading>,
    end: Option<Reading>,
}

/// What the server cost over a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerCost {
    /// In user space and in the kernel, to 10 ms.
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// Both together, exact where the kernel tells.
    pub(crate) process: Duration,
    /// The softirq threads of the cores it may run on; `None` where they cannot be seen.
    pub(crate) softirq: Option<Duration>,
}

impl ServerCost {
    /// Its processes and the softirq threads.
    pub(crate) fn all(&self) -> Duration {
        self.process + self.softirq.unwrap_or_default()
    }
}

/// What this client and others spent over the measured time, as shares of one core; `None` where
/// not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnCost {
    /// This process.
    pub(crate) core_share: Option<f64>,
    /// The thread that reads: running.
    pub(crate) reader_ran: Option<f64>,
    /// The thread that reads: waiting for a core.
    pub(crate) reader_waited: Option<f64>,
    /// Everything that is neither this client nor the server.
    pub(crate) others: Option<f64>,
    /// Time that a hypervisor gave to others.
    pub(crate) stolen: Option<f64>,
}

impl Meter {
    /// Reads the processes `pids`, or those that listen on `addr`.
    pub(crate) fn new(pids: &[u32], addr: SocketAddr) -> Self {
        let known = if pids.is_empty() { proc::listeners(addr) } else { Ok(pids.to_vec()) };
        let server = known.and_then(|pids| {
            let readable = pids.iter().try_for_each(|pid| proc::usage(*pid).map(drop));
            readable.map(|()| pids).map_err(|error| error.to_string())
        });
        let mut cores: Vec<usize> = server
            .iter()
            .flatten()
            // Its usage could be read: it ended since, and then all of it is unknown.
            .flat_map(|pid| proc::cores(*pid).unwrap_or_default())
            .collect();
        cores.sort_unstable();
        cores.dedup();
        Self {
            server,
            softirq: machine::softirq_threads(&cores),
            before_first: Memory::default(),
            after_last: Memory::default(),
            window: Span::default(),
            storm: Span::default(),
        }
    }

    /// No subscriber has connected yet.
    pub(crate) fn before_first(&mut self) {
        self.before_first = self.memory();
    }

    /// All subscribers are connected.
    pub(crate) fn after_last(&mut self) {
        self.after_last = self.memory();
    }

    /// The measured time begins. To be called on the thread that reads.
    pub(crate) fn begin(&mut self) {
        self.window.begin = Some(self.reading());
    }

    /// The measured time is over.
    pub(crate) fn end(&mut self) {
        self.window.end = Some(self.reading());
    }

    /// A storm begins.
    pub(crate) fn begin_storm(&mut self) {
        self.storm.begin = Some(self.reading());
    }

    /// The storm is over.
    pub(crate) fn end_storm(&mut self) {
        self.storm.end = Some(self.reading());
    }

    /// Memory before the first and after the last subscriber connected, and at the end.
    pub(crate) fn memories(&self) -> [Memory; 3] {
        let at_end = self.window.end.map(|reading| reading.memory).unwrap_or_default();
        [self.before_first, self.after_last, at_end]
    }

    /// The cores whose softirq threads are counted.
    pub(crate) fn softirq_cores(&self) -> Vec<usize> {
        self.softirq.iter().map(|thread| thread.core).collect()
    }

    /// The measured time.
    pub(crate) fn window(&self) -> &Span {
        &self.window
    }

    /// The time of the storm.
    pub(crate) fn storm(&self) -> &Span {
        &self.storm
    }

    fn reading(&self) -> Reading {
        Reading {
            at: Instant::now(),
            server: self.server_usage(),
            softirq: self.softirq_time(),
            own: proc::usage(std::process::id()).ok(),
            thread: proc::thread_time(),
            machine: machine::busy(),
            memory: self.memory(),
        }
    }

    /// Memory now.
    pub(crate) fn memory(&self) -> Memory {
        let usage = self.server_usage();
        Memory {
            rss: usage.map(|usage| usage.rss_bytes),
            peak: usage.map(|usage| usage.peak_rss_bytes),
            tcp: machine::tcp_bytes(),
            objects: machine::object_bytes(),
        }
    }

    fn softirq_time(&self) -> Option<Duration> {
        let times: Option<Vec<Duration>> = self.softirq.iter().map(SoftirqThread::cpu).collect();
        times.filter(|times| !times.is_empty()).map(|times| times.iter().sum())
    }

    /// All its processes together. `None` when they are not known, or one has ended: the report
    /// shows the gap.
    fn server_usage(&self) -> Option<Usage> {
        let pids = self.server.as_ref().ok()?;
        let none = Usage { exact: Some(Duration::ZERO), ..Usage::default() };
        pids.iter().try_fold(none, |sum, pid| {
            let usage = proc::usage(*pid).ok()?;
            Some(Usage {
                user: sum.user + usage.user,
                system: sum.system + usage.system,
                exact: sum.exact.zip(usage.exact).map(|(sum, time)| sum + time),
                rss_bytes: sum.rss_bytes + usage.rss_bytes,
                peak_rss_bytes: sum.peak_rss_bytes + usage.peak_rss_bytes,
            })
        })
    }
}

impl Span {
    /// How long it took.
    pub(crate) fn length(&self) -> Duration {
        self.both(|reading| Some(reading.at)).map_or(Duration::ZERO, |(begin, end)| end - begin)
    }

    /// What the server cost meanwhile.
    pub(crate) fn server_cost(&self) -> Option<ServerCost> {
        let (before, after) = self.both(|reading| reading.server)?;
        let user = after.user.saturating_sub(before.user);
        let system = after.system.saturating_sub(before.system);
        // What threads did that ended meanwhile is in the ticks only.
        let exact = after.exact.zip(before.exact).and_then(|(after, before)| {
            let exact = after.checked_sub(before)?;
            (exact + TICKS_ARE_OFF >= user + system).then_some(exact)
        });
        Some(ServerCost {
            user,
            system,
            process: exact.unwrap_or(user + system),
            softirq: self.grown(|reading| reading.softirq),
        })
    }

    /// What this client, and others, spent meanwhile.
    pub(crate) fn own_cost(&self) -> OwnCost {
        let own = self.grown(|reading| reading.own.map(|usage| usage.user + usage.system));
        let work = self.grown(|reading| reading.machine.map(|busy| busy.work));
        let server = self.server_cost().map(|cost| cost.all());
        let others = work
            .zip(own)
            .map(|(work, own)| work.saturating_sub(own).saturating_sub(server.unwrap_or_default()));
        let stolen = self.grown(|reading| reading.machine.map(|busy| busy.stolen));
        let ran = self.grown(|reading| reading.thread.map(|thread| thread.ran));
        let waited = self.grown(|reading| reading.thread.map(|thread| thread.waited));
        let share = |time: Option<Duration>| time.map(|time| self.share(time));
        OwnCost {
            core_share: share(own),
            reader_ran: share(ran),
            reader_waited: share(waited),
            others: share(others),
            stolen: share(stolen),
        }
    }

    /// That time as a share of this one.
    pub(crate) fn share(&self, time: Duration) -> f64 {
        let length = self.length().as_secs_f64();
        if length > 0.0 { time.as_secs_f64() / length } else { 0.0 }
    }

    fn both<T>(&self, of: impl Fn(&Reading) -> Option<T>) -> Option<(T, T)> {
        Some((of(self.begin.as_ref()?)?, of(self.end.as_ref()?)?))
    }

    fn grown(&self, of: impl Fn(&Reading) -> Option<Duration>) -> Option<Duration> {
        self.both(of).map(|(before, after)| after.saturating_sub(before))
    }
}
