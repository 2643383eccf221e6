//! The server's process: a server, a publisher, and what the test asks for over standard input, one
//! word a line, each answered with the server's counts on standard output, behind [`MARK`]. It ends
//! with its input. Judges nothing. The routes are in `app`.

mod app;
mod counts;
mod publisher;

pub(crate) use app::{BROKERS, TALK_EVENTS, feed_path};
pub(crate) use counts::Counts;

use crate::support::{PATIENCE, Running, builder};
use app::Alive;
use headwater::{Engine, Hub, Timeouts, sse::Broker};
use publisher::Press;

/// Before each line for the test: the test harness writes lines of its own.
pub(crate) const MARK: &str = "churn: ";

/// So few that the ring goes round, and all of its memory is in use, before the warm-up is over.
const RING_EVENTS: usize = 256;

/// What the test asks for.
pub(crate) mod command {
    pub(crate) const PUBLISH: &str = "publish";
    pub(crate) const REST: &str = "rest";
    pub(crate) const COUNT: &str = "count";
}

/// Serves until the test has no more to ask.
pub(crate) fn serve(engine: Engine, seed: u64) {
    let hub = Hub::builder().ring_events(RING_EVENTS).build();
    let brokers: Vec<Broker> = (0..BROKERS).map(|at| hub.broker(at.to_string()).build()).collect();
    let alive = Alive::default();
    // A client that is slow because the machine is must not be refused for it.
    let timeouts = Timeouts::default().with_header(2 * PATIENCE).with_write(2 * PATIENCE);
    let server = builder(engine).hub(&hub).timeouts(timeouts).serve(app::app(&brokers, &alive));
    let server = Running::from(server.expect("a free port of the loopback"));
    println!("{MARK}{}", server.addr());
    let mut press = Press::new(&brokers, seed);
    for line in std::io::stdin().lines() {
        match line.expect("the test writes text").as_str() {
            command::PUBLISH => press.start(),
            command::REST => press.stop(),
            command::COUNT => {}
            other => panic!("no command: {other:?}"),
        }
        println!("{MARK}{}", Counts::take(&server.stats(), &hub, &brokers, alive.count()));
    }
    press.stop();
}
