//! What a client has sent, as the model takes it: what it means, and its bytes for who only hands them on.

use crate::grammar::Ask;

/// What is sent in one go.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Ask(Ask, Vec<u8>),
    /// Refused with this status; by a head alone, or not.
    Malformed(u16, bool, Vec<u8>),
    /// The rest never comes.
    Begun(Begun, Vec<u8>),
}

/// How far a request has come that comes no further.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) in_body: bool,
    /// It is known to be HEAD.
    pub(crate) head_only: bool,
}

impl Item {
    pub(crate) fn bytes(&self) -> &[u8] {
        let (Self::Ask(_, bytes) | Self::Malformed(_, _, bytes) | Self::Begun(_, bytes)) = self;
        bytes
    }
}
