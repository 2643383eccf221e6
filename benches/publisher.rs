//! What publishing costs the thread that does it while the server's workers sleep, while they are about
//! to, and while they never do; and how often it wakes them.
//!
//! `cargo bench --bench publisher`. Clients, publisher and workers share the machine: with few cores the
//! high percentiles are times in which the publisher had none.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use headwater::sse::{self, Event};
use headwater::{Broker, Engine, Hub, Router, Server, ServerHandle, routing::get};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const DATA: usize = 128;
/// Long enough for every worker to have gone to sleep.
const REST: Duration = Duration::from_millis(5);
/// Between two events to subscribers who are never all served before the next.
const PACE: Duration = Duration::from_micros(50);
const FEW: usize = 8;
const MANY: usize = 1000;
const PATIENCE: Duration = Duration::from_mins(1);

/// What the workers do when something is published.
#[derive(Clone, Copy)]
enum State {
    /// They have slept for a while.
    Asleep,
    /// They have just sent the event before, and are about to sleep.
    Idle,
    /// They are sending the events before.
    Saturated,
}

impl State {
    const ALL: [(Self, &str, usize, usize); 3] = [
        (Self::Asleep, "asleep", FEW, 300),
        (Self::Idle, "idle", FEW, 2000),
        (Self::Saturated, "saturated", MANY, 20_000),
    ];
}

fn main() {
    println!("one publish of {DATA} B\n");
    println!("engine   | workers | server    |    p50 |      p99 |      max | wakes per publish");
    for &engine in Engine::compiled() {
        for workers in [1, 2] {
            for (state, name, subscribers, publishes) in State::ALL {
                let Sample { mut took, wakes } =
                    sample(engine, workers, state, subscribers, publishes);
                took.sort_unstable();
                let at = |percent: usize| text(took[(took.len() - 1) * percent / 100]);
                let (p50, p99, max) = (at(50), at(99), at(100));
                let wakes = wakes as f64 / publishes as f64;
                println!(
                    "{engine:<8} | {workers:>7} | {name:<9} | {p50:>6} | {p99:>8} | {max:>8} | {wakes:.2}"
                );
                assert!(wakes <= workers as f64, "more than one wake per worker and publish");
            }
        }
    }
}

struct Sample {
    took: Vec<Duration>,
    wakes: u64,
}

fn sample(
    engine: Engine,
    workers: usize,
    state: State,
    subscribers: usize,
    publishes: usize,
) -> Sample {
    let broker = Hub::new().broker("news").build();
    let app = Router::new().route("/", get(sse::feed(&broker).heartbeat(None)));
    let server = Server::builder().bind("127.0.0.1:0").engine(engine).workers(workers);
    let server = server.serve(app).expect("a free port of the loopback");
    let streams: Vec<TcpStream> = (0..subscribers).map(|_| subscribe(&server)).collect();
    let (stop, received) = (AtomicBool::new(false), AtomicU64::new(0));
    let sample = thread::scope(|scope| {
        scope.spawn(|| read_all(streams, &stop, &received));
        let sample = publish_all(&server, &broker, state, publishes, &received);
        stop.store(true, Ordering::Release);
        sample
    });
    server.drain(Duration::ZERO).wait().expect("no worker fails");
    sample
}

fn publish_all(
    server: &ServerHandle,
    broker: &Broker,
    state: State,
    publishes: usize,
    received: &AtomicU64,
) -> Sample {
    let data = "x".repeat(DATA);
    let subscribers = server.stats().streams as u64;
    let before = server.stats().wakes;
    let mut took = Vec::with_capacity(publishes);
    let begin = Instant::now();
    for number in 0..publishes {
        if let State::Saturated = state {
            // What a publish takes counts, and what it is late does not.
            let due = begin + PACE * u32::try_from(number).expect("few enough");
            while Instant::now() < due {
                std::hint::spin_loop();
            }
        }
        let event = Event::data(data.as_str());
        let start = Instant::now();
        // A full ring is an answer, too; with these figures it does not come.
        broker.publish(event).expect("there is room");
        took.push(start.elapsed());
        if !matches!(state, State::Saturated) {
            let due = (number as u64 + 1) * subscribers * DATA as u64;
            let give_up = Instant::now() + PATIENCE;
            while received.load(Ordering::Acquire) < due {
                assert!(Instant::now() < give_up, "an event does not arrive");
                thread::yield_now();
            }
        }
        if let State::Asleep = state {
            thread::sleep(REST);
        }
    }
    Sample { took, wakes: server.stats().wakes - before }
}

fn subscribe(server: &ServerHandle) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addrs()[0]).expect("the server listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n").expect("it reads");
    let (mut byte, mut head) = ([0], Vec::new());
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("it answers");
        head.push(byte[0]);
    }
    stream.set_nonblocking(true).expect("an open socket");
    stream
}

/// Reads what comes and counts bytes of data, which are a letter that nothing else has.
fn read_all(mut streams: Vec<TcpStream>, stop: &AtomicBool, received: &AtomicU64) {
    let mut buffer = vec![0; 256 * 1024];
    while !stop.load(Ordering::Acquire) {
        for stream in &mut streams {
            let count = match stream.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => panic!("a subscriber is lost: {error}"),
            };
            assert_ne!(count, 0, "a stream ended");
            let data: u64 = buffer[..count].iter().map(|byte| u64::from(*byte == b'x')).sum();
            received.fetch_add(data, Ordering::Release);
        }
        thread::sleep(Duration::from_micros(200));
    }
}

fn text(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..10_000 => format!("{nanos} ns"),
        nanos => format!("{:.1} µs", nanos as f64 / 1e3),
    }
}
