//! Makes of a case the steps of a client, and what must have come of each by then. The same steps are done
//! whole or cut, over sockets in memory or real ones.

use crate::due::expects_continue;
use crate::grammar::{Act, Case, Ending, Expects, Pause};
use crate::limits::UNSURE;
use crate::malformed;
use crate::model::Model;
use crate::sent::{Begun, Item};
use bytes::Bytes;
use std::time::Duration;

/// More than all time-outs of all requests of a case together.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(1000);
/// How long a drain may take.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// What a client does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Bytes),
    /// Everything that is due has come by now.
    Check(Box<Model>),
    Release,
    Publish(String),
    Pass(Duration),
    /// Time passes in which nobody looks.
    Jump(Duration),
    Finish,
    Reset,
    /// From here on nothing is read: nothing more can be told of it than that it ends.
    Stall,
    /// The server ends within [`DRAIN`]: what it says to that is not told.
    Drain,
}

/// Which acts a run can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum World {
    /// All, with a clock of its own.
    Memory,
    /// Nothing that takes time, or that loses bytes on their way.
    Loopback,
}

/// The steps of a case.
pub(crate) fn plan(case: &Case, world: World) -> Vec<Step> {
    let mut planner = Planner { world, steps: Vec::new(), model: Model::default(), stalled: false };
    for act in &case.acts.0 {
        planner.act(act);
    }
    planner.end(case.ending);
    planner.steps
}

struct Planner {
    world: World,
    steps: Vec<Step>,
    model: Model,
    stalled: bool,
}

impl Planner {
    fn act(&mut self, act: &Act) {
        let in_memory = self.world == World::Memory;
        match act {
            Act::Ask(_) | Act::Malformed(_) | Act::Begin(_) if !self.model.takes_requests() => {}
            // A reset would meet what is on its way to the client.
            Act::Ask(_) | Act::Malformed(_) | Act::Begin(_) if self.model.over && !in_memory => {}
            Act::Ask(ask) => {
                let patient = ask.expects == Expects::Patiently && expects_continue(ask);
                if patient && self.model.is_idle() {
                    return self.ask_patiently(ask);
                }
                let bytes = [ask.head(), ask.framed_body()].concat();
                self.send(Item::Ask(ask.clone(), bytes.clone()), bytes);
            }
            Act::Malformed(row) => {
                let row = &malformed::TABLE[*row];
                let bytes = row.to_bytes();
                self.send(Item::Malformed(row.status, row.head_only, bytes.clone()), bytes);
            }
            Act::Begin(beginning) => {
                let (bytes, in_body) = beginning.bytes();
                let head_only = in_body && beginning.ask.method() == "HEAD";
                self.send(Item::Begun(Begun { in_body, head_only }, bytes.clone()), bytes);
            }
            Act::Release => {
                self.check();
                self.steps.push(Step::Release);
                self.model.release();
                self.check();
            }
            Act::Publish(number) => {
                self.check();
                let word = format!("news {number}");
                self.model.publish(&word);
                self.steps.push(Step::Publish(word));
                self.check();
            }
            Act::Pause(pause) if in_memory => self.pause(*pause),
            Act::Finish => self.finish(),
            Act::Reset if in_memory => self.reset(),
            Act::Stall if in_memory => {
                self.check();
                self.steps.push(Step::Stall);
                self.stalled = true;
            }
            Act::Pause(_) | Act::Reset | Act::Stall => {}
        }
    }

    fn send(&mut self, item: Item, bytes: Vec<u8>) {
        self.steps.push(Step::Send(bytes.into()));
        self.model.send(item);
    }

    fn ask_patiently(&mut self, ask: &crate::grammar::Ask) {
        self.steps.push(Step::Send(ask.head().into()));
        let asked = self.model.ask_for_body(ask);
        self.check();
        if asked {
            self.steps.push(Step::Send(ask.framed_body().into()));
            self.model.send_body(ask);
            self.check();
        }
    }

    fn pause(&mut self, pause: Pause) {
        let mut time = match pause {
            Pause::Short => Duration::from_millis(3300),
            Pause::Middle => Duration::from_secs(17),
            Pause::Long | Pause::Late => Duration::from_secs(101),
        };
        self.check();
        while self.model.is_unsure_after(time) {
            time += UNSURE;
        }
        // The end of a client that is not listened to is looked for now and then: in one go, too late.
        if matches!(pause, Pause::Late) && !self.model.has_finished() {
            self.steps.push(Step::Jump(time));
            self.model.jump(time);
        } else {
            self.steps.push(Step::Pass(time));
            self.model.pass(time);
        }
        self.check();
    }

    fn finish(&mut self) {
        if self.model.is_stream() {
            self.check();
        }
        self.steps.push(Step::Finish);
        self.model.finish();
        self.check();
    }

    fn reset(&mut self) {
        // A driver tells of one end only.
        if self.model.has_finished() {
            return;
        }
        self.check();
        self.steps.push(Step::Reset);
        self.model.reset();
        self.check();
    }

    /// Whatever was, the connection is gone after this.
    fn end(&mut self, ending: Ending) {
        self.check();
        if self.world == World::Loopback {
            self.finish();
            // A handler that waits keeps its client waiting.
            while self.model.waiting() > 0 {
                self.act(&Act::Release);
            }
            return;
        }
        match ending {
            Ending::Finish => self.finish(),
            Ending::Reset => self.reset(),
            Ending::Idle => {}
            Ending::Drain => return self.steps.push(Step::Drain),
        }
        self.pass_for_ever();
        if self.model.is_endless() || self.stalled {
            self.finish();
            self.pass_for_ever();
        }
    }

    fn pass_for_ever(&mut self) {
        self.steps.push(Step::Pass(FOR_EVER));
        self.model.pass(FOR_EVER);
        self.check();
    }

    fn check(&mut self) {
        self.model.checked();
        if self.stalled {
            return;
        }
        let checked = Step::Check(Box::new(self.model.clone()));
        match self.steps.last_mut() {
            Some(last @ Step::Check(_)) => *last = checked,
            _ => self.steps.push(checked),
        }
    }
}
