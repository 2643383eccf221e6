//! Streams that are not admitted yet: `on_connect` works with their clients while nothing may leave. Knows
//! the fan-out of its core; what becomes of the connection is the worker's business.

use super::{Client, Disconnect};
use headwater_sse::{ClientConfig, Command, Counts, Fanout, Framing, Home, Origin, StreamId, Wake};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

thread_local! {
    static DOOR: RefCell<Option<Rc<Door>>> = const { RefCell::new(None) };
}

/// Where streams are held.
pub(crate) struct Door {
    fanout: Rc<RefCell<Fanout>>,
    /// Held streams that were given up by somebody whom the fan-out called, and why. They are ended later.
    given_up: RefCell<Vec<(StreamId, Disconnect)>>,
    /// Why streams are given up, where nobody says.
    why: Cell<Disconnect>,
}

impl Door {
    fn new(fanout: Rc<RefCell<Fanout>>) -> Rc<Self> {
        // Requests are forgotten when their clients leave.
        let why = Cell::new(Disconnect::ClientGone);
        Rc::new(Self { fanout, given_up: RefCell::default(), why })
    }

    /// From now on requests are forgotten because the server ends.
    pub(crate) fn shut(&self) {
        self.why.set(Disconnect::Drain);
    }

    /// Ends the streams that were given up.
    pub(crate) fn clear(&self) {
        let given_up = self.given_up.take();
        let mut fanout = self.fanout.borrow_mut();
        for (stream, why) in given_up {
            fanout.gone(stream, why);
        }
    }

    fn give_up(&self, stream: StreamId, why: Disconnect) {
        match self.fanout.try_borrow_mut() {
            Ok(mut fanout) => fanout.gone(stream, why),
            Err(_) => self.given_up.borrow_mut().push((stream, why)),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Makes this thread hold its streams in `fanout`, until what is returned is dropped.
pub(crate) fn enter(fanout: &Rc<RefCell<Fanout>>) -> Entered {
    let door = Door::new(fanout.clone());
    DOOR.with(|place| place.replace(Some(door.clone())));
    Entered(door)
}

/// See [`enter`].
pub(crate) struct Entered(Rc<Door>);

impl std::ops::Deref for Entered {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        DOOR.with(|place| place.replace(None));
    }
}

/// One stream that waits to be admitted. Dropping it gives it up.
pub(crate) struct Held {
    door: Rc<Door>,
    stream: StreamId,
    client: Client,
    /// Why it is given up, if it is.
    why: Cell<Option<Disconnect>>,
    is_released: bool,
}

impl Held {
    /// Outside of a server, the client of a stream that leads nowhere.
    pub(crate) fn new(
        framing: Framing,
        config: &Arc<ClientConfig>,
        origin: Arc<dyn Origin>,
    ) -> Self {
        let door = DOOR.with(|door| door.borrow().clone());
        let door = door.unwrap_or_else(|| {
            let (home, wake, counts) =
                (Arc::new(Nowhere), Arc::new(Nowhere), Arc::<Counts>::default());
            Door::new(Rc::new(RefCell::new(Fanout::new(home, wake, counts))))
        });
        let mut fanout = door.fanout.borrow_mut();
        let stream = fanout.hold(framing, config, Some(origin));
        let client = fanout.client(stream);
        drop(fanout);
        Self { door, stream, client, why: Cell::new(None), is_released: false }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    /// Says why the stream is given up, if that is what comes; `None` for whatever ends requests then.
    pub(crate) fn would_end(&self, why: Option<Disconnect>) {
        self.why.set(why);
    }

    /// The stream, for whoever goes on with it.
    pub(crate) fn release(mut self) -> StreamId {
        self.is_released = true;
        self.stream
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_released {
            let failed = thread::panicking().then_some(Disconnect::Failed);
            let why = failed.or(self.why.get()).unwrap_or(self.door.why.get());
            self.door.give_up(self.stream, why);
        }
    }
}

/// The core of a client without a server.
struct Nowhere;

impl Home for Nowhere {
    fn post(&self, _: Command) {}
}

impl Wake for Nowhere {
    fn wake(&self) {}
}
