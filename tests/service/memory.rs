//! Does the steps of a case over sockets in memory, whole or cut, and looks at what is left in the worker.

use crate::check::{compare, said};
use crate::grammar::Cuts;
use crate::limits::timeouts;
use crate::model::Model;
use crate::plan::{DRAIN, Step};
use crate::reader::{Answer, read};
use crate::routes::App;
use headwater::scripted::{Key, Stage};
use headwater::{Stats, sse::Event};
use std::time::Duration;

/// What came of a case.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) answers: Vec<Answer>,
    /// As they were sent.
    pub(crate) bytes: Vec<u8>,
    /// Requests, refusals, panics, bodies that failed and handlers that were late: none where nothing was
    /// read, where they depend on how much was on its way.
    counts: Option<[u64; 5]>,
}

impl Outcome {
    /// What is the same however the bytes were cut.
    pub(crate) fn comparable(&self, finished: bool) -> (Vec<Answer>, Option<[u64; 5]>) {
        let mut answers = self.answers.clone();
        for answer in &mut answers {
            answer.continues = 0;
            // Whether the FIN was known when it was written.
            answer.connection.take_if(|_| finished);
            if answer.is_stream() {
                answer.body = said(&answer.body);
            }
        }
        answers.retain(|answer| answer.status != 100);
        (answers, self.counts)
    }
}

/// How bytes are delivered and taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivery {
    Whole,
    Cut(Cuts),
}

/// Does it all.
///
/// # Errors
/// What is not as it should be.
///
/// # Panics
/// If the worker does, or never comes to rest.
pub(crate) fn run(app: &App, steps: &[Step], delivery: Delivery) -> Result<Outcome, String> {
    let mut run = Run::new(app, delivery);
    for (place, step) in steps.iter().enumerate() {
        run.step(step).map_err(|why| format!("step {place}, {delivery:?}: {why}"))?;
    }
    run.end().map_err(|why| format!("at the end, {delivery:?}: {why}"))
}

struct Run<'a> {
    app: &'a App,
    stage: Stage,
    peer: Key,
    delivery: Delivery,
    random: u64,
    /// Sent, but not delivered.
    pending: Vec<u8>,
    last: Model,
    /// What had come when nothing was read any more.
    stalled: Option<usize>,
}

/// No more than a few thousand turns for the longest answer.
const LEAST_PER_SEND: usize = 64;

impl<'a> Run<'a> {
    fn new(app: &'a App, delivery: Delivery) -> Self {
        let mut stage = Stage::with_timeouts(app.router.clone(), timeouts());
        let peer = stage.script().connect();
        stage.settle();
        let random = if let Delivery::Cut(cuts) = delivery { cuts.seed } else { 0 };
        let (pending, last) = (Vec::new(), Model::default());
        let mut run = Self { app, stage, peer, delivery, random, pending, last, stalled: None };
        run.narrow();
        run
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Step::Send(bytes) = step {
            self.pending.extend_from_slice(bytes);
            return Ok(());
        }
        self.deliver();
        match step {
            Step::Send(_) => {}
            Step::Check(model) => return self.check(model),
            Step::Release => self.app.gates.open(),
            Step::Publish(word) => {
                self.app.news.publish(Event::data(&word[..])).map_err(|error| error.to_string())?;
            }
            Step::Pass(time) => {
                // A peer that does not read meanwhile is one that stalls.
                self.widen();
                self.stage.pass(*time);
                self.narrow();
            }
            Step::Jump(time) => {
                self.widen();
                self.stage.jump(*time);
                self.narrow();
            }
            Step::Finish => self.stage.script().finish(self.peer),
            Step::Reset => self.stage.script().reset(self.peer),
            Step::Stall => {
                self.stalled = Some(self.stage.script().sent(self.peer).len());
                self.narrow();
            }
            Step::Drain => {
                self.widen();
                self.stage.drain(DRAIN);
                self.stage.pass(DRAIN + Duration::from_secs(1));
                if self.stage.is_running() {
                    return Err("the drain has no end".into());
                }
            }
        }
        Ok(())
    }

    /// Lets the peer have what was sent.
    fn deliver(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let Delivery::Cut(cuts) = self.delivery else {
            return self.stage.script().feed(self.peer, pending);
        };
        let mut rest = &pending[..];
        // Many bytes in small pieces would take long, and show nothing new.
        let most = (1 + usize::from(cuts.most)).max(rest.len() / 256);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((1 + self.below(most)).min(rest.len()));
            self.stage.script().feed(self.peer, piece);
            rest = behind;
            match self.below(3) {
                0 => {}
                1 => self.stage.turn(),
                _ => self.stage.settle(),
            }
            if self.stalled.is_none() && self.below(2) == 0 {
                let room = cuts.room.map_or(0, usize::from);
                let more = self.below(room + 1);
                self.stage.script().add_room(self.peer, more);
            }
        }
    }

    /// Reads all there is, and sees whether it is what is due.
    fn check(&mut self, model: &Model) -> Result<(), String> {
        let (script, peer) = (self.stage.script().clone(), self.peer);
        self.stage.settle();
        self.widen();
        self.stage.settle();
        self.narrow();
        self.last = model.clone();
        compare(model, &script.sent(peer))?;
        let ended = script.is_closed(peer) || script.is_shut_down(peer);
        match (model.over, ended) {
            (true, false) => Err("the connection goes on".into()),
            (false, true) => Err("the connection has ended".into()),
            (false, false) if self.app.gates.waiting() != model.waiting() => {
                Err(format!("{} handlers wait", self.app.gates.waiting()))
            }
            _ if script.is_closed(peer) => self.nothing_is_left(),
            _ => Ok(()),
        }
    }

    /// Nothing outlives its connection, except handlers that may.
    fn nothing_is_left(&self) -> Result<(), String> {
        let leftovers = self.stage.leftovers();
        if leftovers.is_empty() || self.app.gates.waiting() > 0 {
            return Ok(());
        }
        Err(format!("left in the worker: {leftovers:?}"))
    }

    /// The peer takes all there is, unless it takes nothing any more.
    fn widen(&self) {
        if self.stalled.is_none() {
            self.stage.script().set_room(self.peer, None);
            self.stage.script().set_most_per_send(self.peer, None);
        }
    }

    /// The peer takes as little as it is said to.
    fn narrow(&mut self) {
        let (script, peer) = (self.stage.script(), self.peer);
        if self.stalled.is_some() {
            script.set_room(peer, Some(0));
        } else if let Delivery::Cut(cuts) = self.delivery {
            script.set_room(peer, cuts.room.map(usize::from));
            let least = |bytes| usize::from(bytes).max(LEAST_PER_SEND);
            script.set_most_per_send(peer, cuts.per_send.map(least));
        }
    }

    fn end(mut self) -> Result<Outcome, String> {
        let (script, peer) = (self.stage.script().clone(), self.peer);
        if self.stage.is_running() && !script.is_closed(peer) {
            return Err("the connection is left open".into());
        }
        // Handlers may go on without their clients.
        while self.app.gates.waiting() > 0 {
            self.app.gates.open();
            self.stage.settle();
        }
        self.nothing_is_left()?;
        let bytes = script.sent(peer);
        if self.stalled.is_some_and(|before| before != bytes.len()) {
            return Err("sent without room".into());
        }
        let last = &self.last;
        let mut answers =
            read(&bytes, |place| last.due.get(place).is_some_and(|due| due.head_only))?;
        // How much of it has come is chance.
        answers.truncate(last.due.iter().position(|due| due.is_lost).unwrap_or(usize::MAX));
        let counts = self.stalled.is_none().then(|| counts(&self.stage.stats()));
        Ok(Outcome { answers, bytes, counts })
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap_or(0) % limit.max(1)
    }
}

fn counts(stats: &Stats) -> [u64; 5] {
    let Stats { requests, refused, handler_panics, failed_bodies, late_handlers, .. } = *stats;
    [requests, refused, handler_panics, failed_bodies, late_handlers]
}
