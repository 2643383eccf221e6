//! Random things that peers, the kernel and the worker do, in random order, against a model of what
//! the worker must see.

mod model;

use super::*;
use model::{End, Flow, Model};
use proptest::prelude::*;

const CONNECTIONS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Act {
    /// By the peer.
    Write,
    Finish,
    BreakOff,
    /// By the kernel, for whatever is under way; true: it goes on.
    Tell(Watch, bool),
    /// By the worker.
    Turn,
    Pause,
    Resume,
    Detach,
    Stall,
    HandOver,
    Close,
}

struct Theatre {
    stage: Stage,
    models: Vec<Model>,
}

impl Theatre {
    fn new() -> Self {
        let mut stage = Stage::new();
        let models = (0..CONNECTIONS).map(|_| Model::new(stage.connect())).collect();
        Self { stage, models }
    }

    fn play(&mut self, place: usize, act: Act) {
        let Self { stage, models } = self;
        let model = &mut models[place];
        let key = model.key;
        match act {
            Act::Write => model.write(),
            Act::Finish => model.finish(),
            Act::BreakOff => model.break_off(),
            Act::Tell(watch, more) => model.tell(&stage.kernel, watch, more),
            Act::Turn => self.turn(),
            Act::Pause if model.flow == Flow::Receiving => {
                model.flow = Flow::Paused;
                stage.driver.pause(key);
            }
            Act::Resume if model.flow == Flow::Paused => {
                model.flow = Flow::Receiving;
                stage.driver.resume(key);
            }
            Act::Detach if model.flow != Flow::Closed => {
                if !matches!(model.flow, Flow::Leaving(_)) {
                    model.flow = Flow::Detached;
                }
                stage.driver.detach(key);
            }
            Act::HandOver if model.flow != Flow::Closed => {
                assert_ne!(stage.driver.release(key), model.end_seen);
                if !model.end_seen && !matches!(model.flow, Flow::Leaving(_)) {
                    model.flow = Flow::Leaving(model.flow == Flow::Detached);
                }
            }
            Act::Stall if model.flow != Flow::Closed => {
                model.stalled = true;
                model.has_room = true;
                let slices = [IoSlice::new(b"12")];
                stage.kernel.sends_come_to([Ok(1), Ok(0)]);
                stage.driver.send(&mut [key, key].map(|key| Attempt::new(key, &slices)));
            }
            Act::Close => {
                model.flow = Flow::Closed;
                stage.driver.close(key);
            }
            _ => {}
        }
        for tag in self.stage.kernel.cancels() {
            for model in &mut self.models {
                model.cancelled.push(tag);
            }
        }
    }

    fn turn(&mut self) {
        for seen in self.stage.turn() {
            let (Seen::Received(key, _)
            | Seen::Writable(key)
            | Seen::Finished(key)
            | Seen::Released(key)
            | Seen::Failed(key, _)) = seen
            else {
                panic!("{seen:?}")
            };
            let model = self.models.iter_mut().find(|model| model.key == key).expect("known");
            if let Seen::Released(_) = seen {
                model.adopt_in(&mut self.stage);
            } else {
                model.see(seen);
            }
        }
    }

    /// Everything that the kernel still has to tell, told and served.
    fn settle(&mut self) {
        for _ in 0..8 {
            for place in 0..CONNECTIONS {
                for watch in [Watch::Receive, Watch::Reset, Watch::Detached, Watch::Room] {
                    self.play(place, Act::Tell(watch, true));
                }
                for _ in 0..4 {
                    self.play(place, Act::Turn);
                }
            }
        }
    }

    fn resets_were_seen(&self) {
        for model in self.models.iter().filter(|model| model.flow != Flow::Closed) {
            let Model { key, flow, end, .. } = model;
            assert!(*end != Some(End::Reset) || model.end_seen, "{key:?} {flow:?}");
        }
    }

    fn nothing_is_missing(&self) {
        for model in self.models.iter().filter(|model| model.flow != Flow::Closed) {
            let Model { key, flow, seen, written, end, .. } = model;
            assert_eq!(model.end_seen, end.is_some(), "{key:?} {flow:?}");
            assert!(!model.stalled, "{key:?} never became writable");
            let watch = match flow {
                Flow::Detached => Watch::Detached,
                _ => Watch::Receive,
            };
            assert_eq!(self.stage.kernel.has(Tag::Connection(watch, *key)), end.is_none());
            if *flow == Flow::Receiving && *end != Some(End::Reset) {
                assert_eq!(seen, written, "{key:?}");
            }
        }
        assert!(self.stage.kernel.all_buffers(), "buffers are missing");
        assert!(self.stage.driver.held.is_empty(), "{:?}", self.stage.driver.held);
    }

    fn nothing_is_left(&self) {
        assert_eq!(self.stage.driver.open(), 0);
        assert!(self.stage.driver.closing.is_empty(), "{:?}", self.stage.driver.closing);
        assert!(self.stage.driver.held.is_empty(), "{:?}", self.stage.driver.held);
        assert!(self.stage.kernel.all_buffers(), "buffers are missing");
    }
}

fn act() -> impl Strategy<Value = Act> {
    let watch = prop::sample::select(vec![
        Watch::Receive,
        Watch::Receive,
        Watch::Reset,
        Watch::Detached,
        Watch::Room,
    ]);
    prop_oneof![
        6 => Just(Act::Write),
        1 => Just(Act::Finish),
        1 => Just(Act::BreakOff),
        12 => (watch, any::<bool>()).prop_map(|(watch, more)| Act::Tell(watch, more)),
        4 => Just(Act::Turn),
        3 => Just(Act::Pause),
        3 => Just(Act::Resume),
        1 => Just(Act::Detach),
        2 => Just(Act::Stall),
        2 => Just(Act::HandOver),
        1 => Just(Act::Close),
    ]
}

proptest! {
    #[test]
    fn worker_sees_what_happened_in_whatever_order_it_is_told(
        acts in prop::collection::vec((0..CONNECTIONS, act()), 0..150),
    ) {
        let mut theatre = Theatre::new();
        for (place, act) in acts {
            theatre.play(place, act);
        }
        theatre.settle();
        theatre.resets_were_seen();
        for place in 0..CONNECTIONS {
            theatre.play(place, Act::Resume);
        }
        theatre.settle();
        theatre.nothing_is_missing();
        for place in 0..CONNECTIONS {
            theatre.play(place, Act::Close);
        }
        theatre.settle();
        theatre.nothing_is_left();
    }
}
