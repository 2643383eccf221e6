//! What the kernel has of streams and their peers have not acknowledged, noted for their clients: when a
//! stream begins, when its socket takes no more, and when somebody asks. Other streams cost nothing.

use super::egress::Egress;
use super::hold::NOWHERE;
use super::{Fanout, StreamId};

impl Fanout {
    /// Notes for the client of a stream, if it has one, what the kernel has of it, with the next round.
    pub(super) fn look_at(&mut self, id: StreamId) {
        // One that is held is looked at when it begins.
        if self.get(id).is_some_and(|stream| stream.client.is_some() && stream.to != NOWHERE) {
            self.looks.push(id);
        }
    }

    /// Looks at what was asked for.
    pub(super) fn look(&mut self, egress: &mut dyn Egress) {
        while let Some(id) = self.looks.pop() {
            let Some(stream) = self.get(id) else { continue };
            if let Some(client) = &stream.client {
                client.note_unsent(egress.unsent_bytes(stream.to));
            }
        }
    }
}
