//! A kernel that does what a test tells it: keeps the operations that the driver asked for, and
//! completes them when, as often and in the order in which the test wants.

use crate::uring::{
    ring::{Brought, Completed, Operation, Outgoing, Patience, Piece, Ring},
    tag::Tag,
};
use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    io,
    net::TcpStream,
    os::fd::RawFd,
    rc::Rc,
};

/// What the driver holds.
#[derive(Debug)]
pub(super) struct ScriptedRing(Rc<RefCell<State>>);

/// What the test holds.
#[derive(Clone, Debug)]
pub(super) struct Kernel(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    /// Begun and not completed for the last time.
    under_way: Vec<(Tag, Operation)>,
    /// Every one since the test last looked.
    asked: Vec<(Tag, Operation)>,
    completions: VecDeque<Completed>,
    /// Become visible with the next enter, as those that overflew do.
    overflown: VecDeque<Completed>,
    /// Numbers of the buffers that the kernel has.
    buffers: BTreeSet<u16>,
    grown: usize,
    /// What the next sends come to.
    sends: VecDeque<Result<u32, i32>>,
    /// Arrive while sends are made.
    beside_sends: VecDeque<Completed>,
    dropped: bool,
}

const BUFFERS: u16 = 4;

impl ScriptedRing {
    pub(super) fn new() -> (Self, Kernel) {
        let state = Rc::new(RefCell::new(State {
            under_way: Vec::new(),
            asked: Vec::new(),
            completions: VecDeque::new(),
            overflown: VecDeque::new(),
            buffers: (0..BUFFERS).collect(),
            grown: 0,
            sends: VecDeque::new(),
            beside_sends: VecDeque::new(),
            dropped: false,
        }));
        (Self(state.clone()), Kernel(state))
    }
}

impl Ring for ScriptedRing {
    fn push(&mut self, tag: Tag, operation: Operation) {
        let mut state = self.0.borrow_mut();
        state.asked.push((tag, operation));
        if tag != Tag::Cancel {
            assert!(!state.under_way.iter().any(|(known, _)| *known == tag), "twice: {tag:?}");
            state.under_way.push((tag, operation));
        }
    }

    fn enter(&mut self, _: Patience) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let overflown = std::mem::take(&mut state.overflown);
        state.completions.extend(overflown);
        Ok(())
    }

    fn reap(&mut self) -> Option<Completed> {
        self.0.borrow_mut().completions.pop_front()
    }

    fn send(&mut self, batch: &mut [Outgoing<'_>]) {
        let mut state = self.0.borrow_mut();
        for outgoing in batch {
            outgoing.result = state.sends.pop_front().expect("the test says what sends come to");
        }
        let beside = std::mem::take(&mut state.beside_sends);
        state.completions.extend(beside);
    }

    fn recycle(&mut self, piece: Piece) {
        assert!(self.0.borrow_mut().buffers.insert(piece.id), "given back twice: {}", piece.id);
    }

    fn grow(&mut self) {
        self.0.borrow_mut().grown += 1;
    }
}

impl Drop for ScriptedRing {
    fn drop(&mut self) {
        self.0.borrow_mut().dropped = true;
    }
}

impl Kernel {
    /// An accept brings this connection, and goes on.
    pub(super) fn accepted(&self, socket: TcpStream) {
        let brought = Brought::Socket(socket);
        self.push(Completed { tag: Tag::Accept, result: Ok(7), more: true, brought });
    }

    /// An operation completes.
    pub(super) fn complete(&self, tag: Tag, result: Result<u32, i32>, more: bool) {
        self.push(Completed { tag, result, more, brought: Brought::Nothing });
    }

    /// A receive brings bytes in a buffer.
    pub(super) fn receives(&self, tag: Tag, bytes: &[u8], more: bool) {
        let completed = self.received(tag, bytes, more);
        self.push(completed);
    }

    /// The same, but there was no room for the completion.
    pub(super) fn receives_in_overflow(&self, tag: Tag, bytes: &[u8], more: bool) {
        let completed = self.received(tag, bytes, more);
        self.end(&completed);
        self.0.borrow_mut().overflown.push_back(completed);
    }

    /// The same, while the next batch is sent.
    pub(super) fn receives_beside_sends(&self, tag: Tag, bytes: &[u8], more: bool) {
        let completed = self.received(tag, bytes, more);
        self.end(&completed);
        self.0.borrow_mut().beside_sends.push_back(completed);
    }

    fn received(&self, tag: Tag, bytes: &[u8], more: bool) -> Completed {
        let id = self.0.borrow_mut().buffers.pop_first().expect("a buffer is left");
        let len = u32::try_from(bytes.len()).expect("few bytes");
        let piece = Piece { buffer: bytes.into(), len: bytes.len(), id };
        Completed { tag, result: Ok(len), more, brought: Brought::Piece(piece) }
    }

    fn push(&self, completed: Completed) {
        self.end(&completed);
        self.0.borrow_mut().completions.push_back(completed);
    }

    fn end(&self, completed: &Completed) {
        if !completed.more {
            self.0.borrow_mut().under_way.retain(|(known, _)| *known != completed.tag);
        }
    }

    /// What the next attempts of a batch come to.
    pub(super) fn sends_come_to(&self, results: impl IntoIterator<Item = Result<u32, i32>>) {
        self.0.borrow_mut().sends.extend(results);
    }

    pub(super) fn has(&self, tag: Tag) -> bool {
        self.0.borrow().under_way.iter().any(|(known, _)| *known == tag)
    }

    /// Whether it was asked to take this operation back, since it was last asked.
    pub(super) fn was_asked_to_cancel(&self, tag: Tag) -> bool {
        let asked = std::mem::take(&mut self.0.borrow_mut().asked);
        asked.contains(&(Tag::Cancel, Operation::Cancel(tag)))
    }

    /// What it was asked to take back since this was last asked.
    pub(super) fn cancels(&self) -> Vec<Tag> {
        let asked = std::mem::take(&mut self.0.borrow_mut().asked).into_iter();
        let cancel = |(_, operation)| match operation {
            Operation::Cancel(tag) => Some(tag),
            _ => None,
        };
        asked.filter_map(cancel).collect()
    }

    /// The descriptor that an operation under way is about.
    pub(super) fn descriptor_of(&self, tag: Tag) -> Option<RawFd> {
        let state = self.0.borrow();
        let (_, operation) = state.under_way.iter().find(|(known, _)| *known == tag)?;
        match *operation {
            Operation::Accept(fd)
            | Operation::Receive(fd)
            | Operation::Poll(fd, _)
            | Operation::PollMulti(fd, _) => Some(fd),
            Operation::Cancel(_) => None,
        }
    }

    /// How many buffers the kernel has; all of them unless the driver holds some.
    pub(super) fn buffers(&self) -> usize {
        self.0.borrow().buffers.len()
    }

    pub(super) fn all_buffers(&self) -> bool {
        self.buffers() == usize::from(BUFFERS)
    }

    pub(super) fn grown(&self) -> usize {
        self.0.borrow().grown
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.0.borrow().dropped
    }
}
