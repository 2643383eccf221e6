//! Publishes to all brokers, in bursts of events of mixed sizes, numbered for each broker, from a thread
//! that can be stopped.

use crate::load;
use crate::support::{Numbers, PATIENCE};
use headwater::sse::{Broker, Event};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const LONGEST_BURST: usize = 10;
/// Between two bursts, at most.
const PAUSE_MILLIS: usize = 20;

pub(super) struct Press {
    publisher: Option<Publisher>,
    running: Option<(Arc<AtomicBool>, JoinHandle<Publisher>)>,
}

struct Publisher {
    brokers: Vec<Broker>,
    numbers: Numbers,
    /// Of the next event of each broker.
    next: Vec<u64>,
}

impl Press {
    pub(super) fn new(brokers: &[Broker], seed: u64) -> Self {
        let numbers = Numbers::new(seed);
        let next = vec![0; brokers.len()];
        let publisher = Publisher { brokers: brokers.to_vec(), numbers, next };
        Self { publisher: Some(publisher), running: None }
    }

    pub(super) fn start(&mut self) {
        let Some(mut publisher) = self.publisher.take() else { return };
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stopped = stopped.clone();
            move || {
                while !stopped.load(Ordering::Relaxed) {
                    publisher.burst();
                }
                publisher
            }
        });
        self.running = Some((stopped, thread));
    }

    /// Stops publishing, and waits until it has stopped.
    pub(super) fn stop(&mut self) {
        let Some((stopped, thread)) = self.running.take() else { return };
        stopped.store(true, Ordering::Relaxed);
        self.publisher = Some(thread.join().expect("publishing succeeds"));
    }
}

impl Publisher {
    fn burst(&mut self) {
        for _ in 0..=self.numbers.below(LONGEST_BURST) {
            let at = self.numbers.below(self.brokers.len());
            let (broker, next) = (&self.brokers[at], &mut self.next[at]);
            let data = load::data(*next, load::event_bytes(&mut self.numbers));
            *next += 1;
            // A core that stands still for that long is broken.
            let deadline = Instant::now() + PATIENCE;
            let event = Event::data(data).event(broker.name());
            broker.publish_wait(event, Some(deadline)).expect("the cores read on");
        }
        let millis = self.numbers.below(PAUSE_MILLIS) as u64;
        thread::sleep(Duration::from_millis(millis));
    }
}
