//! Workers that die on request, and tell when they have ended.

use bytes::Bytes;
use headwater::{Router, routing::get};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A worker does not survive what panics where no handler runs, and large bodies are dropped where they are
/// sent.
struct Deadly(&'static [u8]);

static LAST_WORDS: [u8; 20_000] = [b'x'; 20_000];

impl AsRef<[u8]> for Deadly {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl Drop for Deadly {
    fn drop(&mut self) {
        panic!("on purpose: a worker dies");
    }
}

/// Sets its flag when its thread has ended, with everything that the thread had.
struct AtEnd(Arc<AtomicBool>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Adds `/note`, after which the flag says whether the worker that answered has ended, and `/die`, which
/// also ends it.
pub(super) fn with_death(app: Router) -> (Router, Arc<AtomicBool>) {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = ended.clone();
    let note = move || {
        AT_END.with(|place| *place.borrow_mut() = Some(AtEnd(flag.clone())));
        Bytes::new()
    };
    let noted = note.clone();
    let die = move || {
        noted();
        Bytes::from_owner(Deadly(&LAST_WORDS))
    };
    (app.route("/note", get(note)).route("/die", get(die)), ended)
}
