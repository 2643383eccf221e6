//! What the library tells `tracing`, kept for tests to look at.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, Once};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static SEEN: Mutex<String> = Mutex::new(String::new());
static LISTENING: Once = Once::new();

struct Listener;
struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0, "{}={value:?}", field.name()).expect("a string grows");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("headwater")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut SEEN.lock().expect("no panics")));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Whether an event had this as a part of its fields, a line each.
pub(crate) fn have(fields: &str) -> bool {
    SEEN.lock().expect("no panics").contains(fields)
}

pub(crate) fn listen() {
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(Listener).expect("nobody else listens");
    });
}
