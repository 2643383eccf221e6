//! `bench-server idle`: opens connections, makes one request on each, leaves them waiting for the next,
//! and says what each costs the server. Decides nothing about memory: see `meter`.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use mio::Events;
use serde_json::json;

use super::agenda::Agenda;
use super::wire::{End, Wire};
use crate::cli::values;
use crate::load::answers::Answers;
use crate::load::meter::{Memory, Meter};
use crate::load::proc::machine;
use crate::load::report::{float, grouped};
use crate::load::sockets::Buffers;
use crate::load::{LoadError, NO_REPORT, check_files};

/// What is asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct IdleArgs {
    /// Server to measure
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    addr: SocketAddr,

    /// Connections that are to wait
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    connections: usize,

    /// What each asks for once
    #[arg(long, value_name = "PATH", default_value = "/plaintext", value_parser = values::path)]
    ask_path: String,

    /// How long they wait
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::seconds)]
    duration: Duration,

    /// The server's processes, for its memory [default: found by the listening port]
    #[arg(long, value_name = "PID,…", value_delimiter = ',')]
    pid: Vec<u32>,

    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Connections that come first and are not counted: a server's first requests cost it what later ones
/// do not.
const BEFORE: usize = 100;
/// Connections that may be pending at once.
const PENDING: usize = 64;
/// How long nothing may happen while they come.
const PATIENCE: Duration = Duration::from_secs(10);
/// A server has tidied up after its last answer.
const PAUSE: Duration = Duration::from_millis(300);
const SCRATCH_BYTES: usize = 64 * 1024;

/// One that comes, or waits.
struct Waiting {
    /// None once the server has ended it.
    wire: Option<Wire>,
    answers: Answers,
    answered: bool,
}

struct Crowd<'a> {
    args: &'a IdleArgs,
    agenda: Agenda,
    events: Events,
    all: Vec<Waiting>,
    scratch: Vec<u8>,
    pending: usize,
    /// Those that the server ended.
    ended: usize,
}

/// Runs, and prints the report. Exits with 0 when all connections were there at the end, 1 when not, 3
/// without a report.
pub(crate) fn main(args: &IdleArgs) -> ExitCode {
    match run(args) {
        Ok(all_there) => {
            if all_there {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("bench-server: {error}");
            ExitCode::from(NO_REPORT)
        }
    }
}

fn run(args: &IdleArgs) -> Result<bool, LoadError> {
    check_files(args.connections.saturating_add(BEFORE))?;
    let meter = Meter::new(&args.pid, args.addr);
    let mut crowd = Crowd {
        args,
        agenda: Agenda::new()?,
        events: Events::with_capacity(1024),
        all: Vec::new(),
        scratch: vec![0; SCRATCH_BYTES],
        pending: 0,
        ended: 0,
    };
    machine::settle_objects();
    crowd.come(BEFORE)?;
    crowd.wait(PAUSE)?;
    let before = meter.memory();
    crowd.come(args.connections)?;
    crowd.wait(PAUSE.max(args.duration))?;
    let after = meter.memory();
    if let Err(reason) = &meter.server {
        eprintln!("bench-server: the server's memory is not known: {reason}");
    }
    println!("{}", report(args, crowd.ended, [before, after]));
    Ok(crowd.ended == 0)
}

impl Crowd<'_> {
    /// Lets as many more come; returns when each has its answer.
    fn come(&mut self, count: usize) -> Result<(), LoadError> {
        let goal = self.all.len() + count;
        let mut last_change = Instant::now();
        while self.pending > 0 || self.all.len() < goal {
            while self.pending < PENDING && self.all.len() < goal {
                self.open()?;
            }
            let before = self.pending;
            self.turn()?;
            if self.pending != before {
                last_change = Instant::now();
            } else if last_change.elapsed() > PATIENCE {
                let reason =
                    format!("{}: {} connections got no answer", self.args.addr, self.pending);
                return Err(LoadError::CannotConnect(reason));
            }
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let (addr, number) = (self.args.addr, self.all.len());
        let mut wire = Wire::open(addr, self.agenda.registry(), number, number, Buffers::Usual)?;
        let path = &self.args.ask_path;
        wire.push(format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
        self.all.push(Waiting { wire: Some(wire), answers: Answers::default(), answered: false });
        self.pending += 1;
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        self.agenda.wait(&mut self.events, None, |_, number, _| ready.push(number))?;
        for number in ready {
            let waiting = &mut self.all[number];
            let was_answered = waiting.answered;
            let ended = waiting.look(&mut self.scratch).is_err();
            if ended {
                waiting.wire = None;
                self.ended += 1;
            }
            if !was_answered && (ended || waiting.answered) {
                self.pending -= 1;
            }
        }
        Ok(())
    }
}

impl Waiting {
    fn look(&mut self, scratch: &mut [u8]) -> Result<(), End> {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        wire.advance()?;
        if !wire.is_connected() {
            return Ok(());
        }
        while let Some(count) = wire.read(scratch)? {
            let taken = self.answers.receive(&scratch[..count], |_| ());
            taken.map_err(|bad| End::Failed(io::Error::other(bad.to_string())))?;
            self.answered = self.answers.is_between();
        }
        Ok(())
    }
}

fn report(args: &IdleArgs, ended: usize, [before, after]: [Memory; 2]) -> String {
    let each = |of: fn(Memory) -> Option<u64>| {
        let (before, after) = of(before).zip(of(after))?;
        Some((float(after) - float(before)) / float(args.connections as u64))
    };
    let (user, tcp) = (each(|at| at.rss), each(|at| at.tcp));
    let objects = each(|at| at.objects);
    if args.json {
        return json!({
            "connections": args.connections,
            "ended": ended,
            "user_bytes_each": user,
            "tcp_bytes_each": tcp,
            "kernel_objects_bytes_each": objects,
        })
        .to_string();
    }
    let text =
        |bytes: Option<f64>| bytes.map_or_else(|| "?".to_owned(), |bytes| format!("{bytes:.0}"));
    format!(
        "{} connections that wait for a request, {} ended by the server\n\
         server         {} B of user space each (VmRSS)\n\
         kernel         {} B of TCP buffers and {} B of objects each, of the whole machine: both ends",
        grouped(args.connections as u64),
        grouped(ended as u64),
        text(user),
        text(tcp),
        text(objects),
    )
}
