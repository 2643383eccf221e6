//! Does the steps of a case over a real socket. There is no clock to be moved, so each check waits until
//! what is due has come.

use crate::check::compare;
use crate::model::Model;
use crate::plan::Step;
use crate::routes::App;
use headwater::sse::Event;
use headwater::{Engine, Server, ServerHandle, Timeouts};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any test.
const NEVER: Duration = Duration::from_hours(1);

/// A server on one engine.
pub(crate) struct Running {
    app: App,
    server: ServerHandle,
}

impl Running {
    pub(crate) fn start(engine: Engine) -> Self {
        let app = App::new();
        let timeouts = Timeouts::default()
            .with_header(NEVER)
            .with_body(NEVER)
            .with_idle(NEVER)
            .with_half_closed(NEVER);
        let server = Server::builder().bind("127.0.0.1:0").engine(engine).workers(1);
        let server = server.timeouts(timeouts).serve(app.router.clone());
        Self { app, server: server.expect("a free port of the loopback") }
    }

    /// What the client got.
    ///
    /// # Errors
    /// What is not as it should be.
    pub(crate) fn run(&self, steps: &[Step]) -> Result<Vec<u8>, String> {
        let mut client = Client::connect(&self.server).map_err(|error| error.to_string())?;
        for (place, step) in steps.iter().enumerate() {
            self.step(&mut client, step).map_err(|why| format!("step {place}: {why}"))?;
        }
        let bytes = client.end()?;
        // Handlers may go on without their clients.
        self.eventually("the connection is gone", || {
            self.app.gates.open();
            self.server.stats().connections == 0 && self.app.gates.waiting() == 0
        })?;
        Ok(bytes)
    }

    fn step(&self, client: &mut Client, step: &Step) -> Result<(), String> {
        match step {
            Step::Send(bytes) => client.send(bytes),
            Step::Check(model) => {
                client.expect(model)?;
                let waiting = || model.over || self.app.gates.waiting() == model.waiting();
                self.eventually("handlers wait", waiting)
            }
            Step::Release => {
                self.app.gates.open();
                Ok(())
            }
            Step::Publish(word) => {
                let published = self.app.news.publish(Event::data(&word[..]));
                published.map(drop).map_err(|error| error.to_string())
            }
            Step::Finish => client.finish(),
            Step::Pass(_) | Step::Jump(_) | Step::Reset | Step::Stall | Step::Drain => {
                unreachable!("not on the loopback")
            }
        }
    }

    fn eventually(&self, what: &str, mut condition: impl FnMut() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            if Instant::now() > deadline {
                return Err(format!("not in {PATIENCE:?}: {what}; {:?}", self.server.stats()));
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        Ok(())
    }
}

/// A connection that is read at all times, so that nothing waits for its client.
struct Client {
    stream: TcpStream,
    received: Arc<Received>,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    state: Mutex<(Vec<u8>, Option<Ended>)>,
    changed: Condvar,
}

/// How the server ended the connection.
type Ended = Result<(), String>;

impl Client {
    fn connect(server: &ServerHandle) -> io::Result<Self> {
        let stream = TcpStream::connect(server.local_addrs()[0])?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (mut source, received) = (stream.try_clone()?, Arc::<Received>::default());
        let sink = received.clone();
        let reader = std::thread::spawn(move || sink.fill(&mut source));
        Ok(Self { stream, received, reader })
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).map_err(|error| format!("nothing is taken: {error}"))
    }

    fn finish(&self) -> Result<(), String> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error.to_string()),
            // It has finished before.
            _ => Ok(()),
        }
    }

    /// Waits for what is due.
    fn expect(&self, model: &Model) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.received.lock();
        loop {
            let (bytes, ended) = &*state;
            let wrong = match (compare(model, bytes), ended, model.over) {
                (_, Some(Err(error)), _) => return Err(error.clone()),
                (Ok(_), Some(_), true) | (Ok(_), None, false) => return Ok(()),
                (Ok(_), None, true) => "the connection goes on".to_owned(),
                (Ok(_), Some(_), false) => return Err("the connection has ended".into()),
                (Err(why), Some(_), _) => return Err(why),
                (Err(why), None, _) => why,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("not in {PATIENCE:?}: {wrong}"));
            }
            let waited = self.received.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything, once the server has ended the connection.
    fn end(self) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + PATIENCE;
        while !self.reader.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(100));
        }
        let state = &mut *self.received.lock();
        match state.1.take() {
            Some(ended) => ended.map(|()| std::mem::take(&mut state.0)),
            None => Err(format!("the connection is open after {PATIENCE:?}")),
        }
    }
}

impl Received {
    fn fill(&self, source: &mut TcpStream) {
        let mut piece = [0; 16 * 1024];
        loop {
            let read = source.read(&mut piece);
            let mut state = self.lock();
            match read {
                Ok(0) => state.1 = Some(Ok(())),
                Ok(count) => state.0.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => state.1 = Some(Err(format!("the connection broke: {error}"))),
            }
            self.changed.notify_all();
            if state.1.is_some() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<u8>, Option<Ended>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
