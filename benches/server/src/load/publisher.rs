//! Publishes on schedule over one keep-alive connection, without waiting for answers.
//! Runs on a thread of its own, so that reading subscribers never delays an event. Events that
//! fell behind are sent at once, pipelined; how far behind each was is kept as its slip. What is
//! on its way is bounded, and far behind its schedule publishing ends: a server that takes too little
//! does not draw a run out.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use socket2::SockRef;

use super::answered::{Answered, Shared};
use super::answers::Answers;
use super::proc::{self, ThreadTime};
use super::schedule::{Clock, Schedule, nanos};
use super::tally::lateness;
use super::window::Window;

/// Bytes of requests written at once. The next batch waits until these are in the kernel, so a
/// server that stops reading costs no memory here.
const BATCH_BYTES: usize = 64 * 1024;

/// Bytes that the kernel keeps for the server, about; a fast one takes in that many between two
/// rounds of sending.
const SEND_BUFFER: usize = 512 * 1024;

/// Pause before a full socket, or a missing answer, is looked at again.
const RETRY_PAUSE: Duration = Duration::from_millis(1);

/// Without arrivals, it is looked this often whether there is room for more events under way, and
/// for answers.
const WINDOW_PAUSE: Duration = Duration::from_millis(1);

/// How long the server may leave a socket full, or answers out, without any progress.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What came of publishing.
#[derive(Debug)]
pub(crate) struct Published {
    /// Events written to the server.
    pub(crate) sent: u64,
    /// Of these, before the measured ones.
    pub(crate) warmup: u64,
    /// Events that were too late to be written.
    pub(crate) unsent: u64,
    /// Those answered, and how.
    pub(crate) answered: Answered,
    /// The status of the first answer without success.
    pub(crate) first_refusal: Option<u16>,
    /// Measured events per second: what the schedule became in fact.
    pub(crate) rate: f64,
    /// Times the socket was full.
    pub(crate) blocked: u64,
    /// Send time minus due time of the measured events, in microseconds.
    pub(crate) slip_us: Histogram<u64>,
    /// What the thread did, and in what time.
    pub(crate) thread: Option<ThreadTime>,
    pub(crate) span: Duration,
    /// Why publishing ended early.
    pub(crate) error: Option<String>,
}

impl Published {
    /// Of a run that publishes nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            sent: 0,
            warmup: 0,
            unsent: 0,
            answered: Answered::default(),
            first_refusal: None,
            rate: 0.0,
            blocked: 0,
            slip_us: lateness(),
            thread: None,
            span: Duration::ZERO,
            error: None,
        }
    }
}

/// Where and what to publish.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) path: String,
    /// Data bytes of an event.
    pub(crate) size: usize,
    /// Publishing ends when it is so far behind its schedule.
    pub(crate) most_behind: Duration,
    /// Events that may be under way, and how long publishing goes on, where there is no schedule to
    /// keep.
    pub(crate) window: Option<(u64, Duration)>,
}

/// Publishes all events of `schedule`; returns when the last is answered, or with the error in
/// its result. Sets the outcome of `shared` in every case.
pub(crate) fn publish(
    target: &Target,
    schedule: Schedule,
    clock: Clock,
    shared: &Shared,
) -> Published {
    let mut publisher = Publisher {
        schedule,
        clock,
        head: head(target),
        size: target.size,
        addr: target.addr,
        connection: None,
        shared,
        next: 1,
        total: schedule.total,
        most_behind: nanos(target.most_behind),
        window: target.window.map(|(most, lasts)| Window::new(most, schedule.due(1), lasts)),
        answered: Answered::default(),
        first_refusal: None,
        blocked: 0,
        slip_us: lateness(),
        warmup: 0,
        measured_span: None,
    };
    if publisher.window.is_some() {
        shared.wait_for_arrivals();
    }
    let started = Instant::now();
    let error = publisher.run().err().map(|error| error.to_string());
    shared.finish(publisher.answered.clone());
    Published {
        sent: publisher.next - 1,
        warmup: publisher.warmup,
        unsent: if schedule.timed { schedule.total - publisher.total } else { 0 },
        first_refusal: publisher.first_refusal,
        rate: publisher.rate(),
        blocked: publisher.blocked,
        answered: publisher.answered,
        slip_us: publisher.slip_us,
        thread: proc::thread_time(),
        span: started.elapsed(),
        error,
    }
}

struct Publisher<'s> {
    schedule: Schedule,
    clock: Clock,
    head: Vec<u8>,
    size: usize,
    addr: SocketAddr,
    connection: Option<Connection>,
    shared: &'s Shared,
    /// The number of the next event.
    next: u64,
    /// The number of the last event.
    total: u64,
    /// In nanoseconds.
    most_behind: u64,
    window: Option<Window>,
    answered: Answered,
    first_refusal: Option<u16>,
    blocked: u64,
    slip_us: Histogram<u64>,
    /// The number of the last event that is not measured.
    warmup: u64,
    /// When the first and the last measured event were sent.
    measured_span: Option<(u64, u64)>,
}

struct Connection {
    stream: TcpStream,
    answers: Answers,
    out: Vec<u8>,
    written: usize,
}

impl Publisher<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut last_progress = Instant::now();
        loop {
            let before = (self.next, self.answered.count());
            self.end_if_behind();
            self.encode_due()?;
            let all_written = self.flush()?;
            self.read_answers()?;
            let finished = all_written && self.next > self.total;
            if finished && self.answered.count() == self.total {
                return Ok(());
            }
            if before != (self.next, self.answered.count()) || (all_written && !finished) {
                last_progress = Instant::now();
            } else if last_progress.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "the server took or answered no publish for {} s",
                    PATIENCE.as_secs()
                )));
            }
            if all_written && !finished && self.window.is_some() {
                std::thread::park_timeout(WINDOW_PAUSE);
            } else if all_written && !finished {
                let due = self.schedule.due(self.next);
                std::thread::sleep(Duration::from_nanos(due.saturating_sub(self.clock.now())));
            } else {
                self.blocked += u64::from(!all_written);
                std::thread::sleep(RETRY_PAUSE);
            }
        }
    }

    fn end_if_behind(&mut self) {
        if let Some(window) = &self.window {
            if window.is_over(self.clock.now()) {
                self.total = self.total.min(self.next - 1);
            }
            return;
        }
        let behind = |seq| self.clock.now().saturating_sub(self.schedule.due(seq));
        if self.next <= self.total && behind(self.next) > self.most_behind {
            self.total = self.next - 1;
        }
    }

    /// Writes the requests of all events that are due, up to a batch, behind one another.
    fn encode_due(&mut self) -> io::Result<()> {
        loop {
            let now = self.clock.now();
            if self.next > self.total || !self.is_due(now) {
                return Ok(());
            }
            let connection = match &mut self.connection {
                Some(connection) => connection,
                none => none.insert(Connection::open(self.addr)?),
            };
            if connection.written > 0 || connection.out.len() >= BATCH_BYTES {
                return Ok(());
            }
            let (seq, due) = (self.next, self.schedule.due(self.next));
            self.shared.sending(seq);
            connection.out.extend_from_slice(&self.head);
            let body_end = connection.out.len() + self.size;
            write!(connection.out, "seq={seq} t={due} ")?;
            connection.out.resize(body_end, b'.');
            if self.schedule.measures(seq, now) {
                if self.schedule.timed {
                    self.slip_us.saturating_record((now - due) / 1_000);
                }
                let (first, _) = self.measured_span.unwrap_or((now, now));
                self.measured_span = Some((first, now));
            } else {
                self.warmup = seq;
            }
            self.next += 1;
        }
    }

    /// Whether the next event is to be sent now.
    fn is_due(&mut self, now: u64) -> bool {
        match &mut self.window {
            Some(window) => window.has_room(self.next - 1, self.shared.arrived(), now),
            None => self.schedule.due(self.next) <= now,
        }
    }

    /// Gives whether all that was encoded is in the kernel.
    fn flush(&mut self) -> io::Result<bool> {
        let Some(connection) = &mut self.connection else { return Ok(true) };
        while connection.written < connection.out.len() {
            match connection.stream.write(&connection.out[connection.written..]) {
                Ok(count) => connection.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        connection.out.clear();
        connection.written = 0;
        Ok(true)
    }

    fn read_answers(&mut self) -> io::Result<()> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let mut bytes = [0; 16 * 1024];
        loop {
            let count = match connection.stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let (answered, first_refusal) = (&mut self.answered, &mut self.first_refusal);
            let on_status = |status| {
                let accepted = (200..300).contains(&status);
                answered.next(accepted);
                if !accepted {
                    first_refusal.get_or_insert(status);
                }
            };
            connection
                .answers
                .receive(&bytes[..count], on_status)
                .map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad.to_string()))?;
        }
        // Between two publishes a server may close an idle connection; a new one goes on.
        self.connection = None;
        let open = self.next - 1 - self.answered.count();
        if open == 0 {
            return Ok(());
        }
        Err(io::Error::other(format!("the server closed with {open} publishes unanswered")))
    }

    fn rate(&self) -> f64 {
        let Some((first, last)) = self.measured_span else { return 0.0 };
        let seconds = Duration::from_nanos(last - first).as_secs_f64();
        let intervals = (self.next - 1).saturating_sub(self.warmup + 1);
        if seconds > 0.0 { super::report::float(intervals) / seconds } else { 0.0 }
    }
}

impl Connection {
    fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, answers: Answers::default(), out: Vec::new(), written: 0 })
    }
}

fn head(target: &Target) -> Vec<u8> {
    let Target { addr, path, size, .. } = target;
    format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: text/plain\r\n\
         Content-Length: {size}\r\n\r\n"
    )
    .into_bytes()
}
