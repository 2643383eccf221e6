//! One response that is due: what is known of it.

use crate::grammar::{Ask, Expects, Persistence};
use bytes::Bytes;

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
pub(crate) struct Due {
    pub(crate) status: u16,
    pub(crate) head_only: bool,
    /// `None`: some text.
    pub(crate) body: Option<Bytes>,
    /// Whether all of it has come.
    pub(crate) whole: bool,
    /// Whether it says that it is the last; `None`: either.
    pub(crate) closes: Option<bool>,
    /// How often 100 (Continue) may come before it, at least and at most.
    pub(crate) continues: (usize, usize),
    /// Comments may stand anywhere between its events.
    pub(crate) is_stream: bool,
    /// Its client has left, as a FIN means for a stream: of this one any part may come, or nothing.
    pub(crate) is_lost: bool,
}

impl Due {
    /// A whole answer, after which the connection goes on, if the client wants that.
    pub(crate) fn to(ask: &Ask, status: u16, body: Option<Bytes>) -> Self {
        Self {
            status,
            head_only: ask.method() == "HEAD",
            body,
            whole: true,
            closes: Some(closes(ask)),
            continues: (0, usize::from(expects_continue(ask))),
            is_stream: false,
            is_lost: false,
        }
    }

    /// The last answer, over what the client has sent.
    pub(crate) fn refusal(status: u16, head_only: bool) -> Self {
        Self {
            status,
            head_only,
            body: None,
            whole: true,
            closes: Some(true),
            continues: (0, 0),
            is_stream: false,
            is_lost: false,
        }
    }

    /// More of its body.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let said = self.body.take().unwrap_or_default();
        self.body = Some([&said[..], bytes].concat().into());
    }

    /// More of its events.
    pub(crate) fn say_events(&mut self, words: &[&str]) {
        for word in words {
            self.say(format!("data: {word}\n\n").as_bytes());
        }
    }
}

/// Whether the client wants no further answer (RFC 9112 §9.3).
pub(crate) fn closes(ask: &Ask) -> bool {
    match ask.persistence {
        Persistence::Close => true,
        Persistence::KeepAlive => false,
        Persistence::Unsaid => ask.old,
    }
}

/// Whether 100 (Continue) may be sent at all (RFC 9110 §10.1.1).
pub(crate) fn expects_continue(ask: &Ask) -> bool {
    ask.expects != Expects::Nothing && !ask.old && ask.has_body()
}
