//! The kernel's ring: set-up is in `setup`; here operations go in, completions come out, and batches
//! of sends are made. The only place that hands pointers to the kernel, together with `pool`.

use super::{
    pool::{GROUP, Pool},
    ring::{Brought, Completed, Operation, Outgoing, Patience, Piece, Ring},
    setup::Granted,
    tag::Tag,
};
use io_uring::{
    IoUring, cqueue, opcode, squeue,
    types::{CancelBuilder, Fd, SubmitArgs, Timespec},
};
use std::{
    collections::VecDeque,
    fmt, io,
    mem::ManuallyDrop,
    net::TcpStream,
    os::fd::FromRawFd,
    thread,
    time::{Duration, Instant},
};

/// `MSG_DONTWAIT` makes the kernel finish the attempt inside the submission: nothing of the caller's
/// stays in flight.
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// How often a submission that the kernel refuses for now (no memory, completions overflown) is tried,
/// and how long to wait in between while it has no memory.
const SUBMIT_TRIES: u32 = 1000;
const SHORTAGE_PAUSE: Duration = Duration::from_millis(1);

/// How long dropping waits for the last completions.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// One ring of the kernel with its provided buffers. Belongs to the thread that made it.
pub(super) struct KernelRing {
    ring: IoUring,
    /// Freed only once the kernel has no operation left that could write to it.
    pool: ManuallyDrop<Pool>,
    pub(super) granted: Granted,
    /// Operations that the submission queue had no room for.
    backlog: VecDeque<squeue::Entry>,
    /// Completions that came while sends were waited for.
    aside: VecDeque<Completed>,
    /// Operations queued or in the kernel, sends aside.
    under_way: usize,
    /// Headers of sends with several slices; meaningful within one call of `send` only.
    messages: Vec<libc::msghdr>,
    /// Set once the kernel refuses the ring for good. It is not entered again: what is queued may
    /// point to memory that is gone by then.
    broken: bool,
}

impl KernelRing {
    pub(super) fn new(ring: IoUring, pool: Pool, granted: Granted) -> Self {
        Self {
            ring,
            pool: ManuallyDrop::new(pool),
            granted,
            backlog: VecDeque::new(),
            aside: VecDeque::new(),
            under_way: 0,
            messages: Vec::new(),
            broken: false,
        }
    }

    /// Hands the queue over. Tries again while the kernel is short of something. Gives the number of
    /// sends of the batch that were seen to complete meanwhile.
    fn submit(&mut self, batch: &mut [Outgoing<'_>]) -> io::Result<usize> {
        let mut sends = 0;
        for _ in 0..SUBMIT_TRIES {
            if self.broken {
                break;
            }
            match self.ring.submit() {
                Ok(_) => return Ok(sends),
                Err(error) if is_passing(&error) => {
                    sends += self.set_aside(batch);
                    if error.raw_os_error() == Some(libc::EAGAIN) {
                        thread::sleep(SHORTAGE_PAUSE);
                    }
                }
                Err(error) => {
                    self.broken = true;
                    return Err(error);
                }
            }
        }
        self.broken = true;
        Err(io::Error::other("the kernel takes no operation"))
    }

    fn queue(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: operations other than sends hold no pointers; sends hold some that live until `send`
        // has seen their completion. Descriptors stay open until the final completion, see `Operation`.
        unsafe { self.ring.submission().push(entry) }.is_ok()
    }

    /// Moves what was left over to the submission queue, as far as there is room.
    fn queue_backlog(&mut self) {
        while let Some(entry) = self.backlog.pop_front() {
            if !self.queue(&entry) {
                self.backlog.push_front(entry);
                return;
            }
        }
    }

    /// Makes the whole queue free, for a batch that must go in one piece.
    fn flush(&mut self) -> io::Result<()> {
        self.queue_backlog();
        while !self.ring.submission().is_empty() {
            self.submit(&mut [])?;
            self.queue_backlog();
        }
        Ok(())
    }

    fn next_entry(&mut self) -> Option<Completed> {
        let entry = self.ring.completion().next()?;
        Some(self.complete(&entry))
    }

    fn complete(&mut self, entry: &cqueue::Entry) -> Completed {
        let (result, flags) = (entry.result(), entry.flags());
        // Only our own words come back.
        let tag = Tag::from_word(entry.user_data()).unwrap_or(Tag::Cancel);
        let more = cqueue::more(flags);
        if !more && !matches!(tag, Tag::Send(_)) {
            self.under_way = self.under_way.saturating_sub(1);
        }
        let result = u32::try_from(result).map_err(|_| -result);
        let brought = match (tag, result) {
            (Tag::Accept, Ok(_)) => {
                // SAFETY: a completed accept hands over a descriptor that is nobody else's, once.
                Brought::Socket(unsafe { TcpStream::from_raw_fd(entry.result()) })
            }
            _ => match cqueue::buffer_select(flags) {
                Some(id) => self.take(id, result.unwrap_or(0) as usize),
                None => Brought::Nothing,
            },
        };
        Completed { tag, result, more, brought }
    }

    fn take(&mut self, id: u16, len: usize) -> Brought {
        match self.pool.take(id, len) {
            Some(piece) if len > 0 => Brought::Piece(piece),
            Some(unused) => {
                self.pool.give(unused);
                Brought::Nothing
            }
            None => Brought::Nothing,
        }
    }

    /// Takes all completions off the queue: those of sends to the batch, the others aside. Gives the
    /// number of the former.
    fn set_aside(&mut self, batch: &mut [Outgoing<'_>]) -> usize {
        let mut sends = 0;
        while let Some(completed) = self.next_entry() {
            match completed.tag {
                Tag::Send(place) => {
                    if let Some(outgoing) = batch.get_mut(place as usize) {
                        outgoing.result = completed.result;
                        sends += 1;
                    }
                }
                _ => self.aside.push_back(completed),
            }
        }
        sends
    }

    /// Sends up to a queue full of attempts.
    fn send_some(&mut self, batch: &mut [Outgoing<'_>]) -> io::Result<()> {
        self.flush()?;
        self.messages.clear();
        // So that no header moves once the kernel was told where it is.
        self.messages.reserve(batch.len());
        let mut open = 0;
        for (place, outgoing) in (0_u32..).zip(batch.iter()) {
            let entry = self.send_entry(outgoing).user_data(Tag::Send(place).to_word());
            // The queue was flushed, and holds a batch.
            open += usize::from(self.queue(&entry));
        }
        while open > 0 {
            // After an error the entries that are left in the queue stay there for ever: see `broken`.
            let completed = self.submit(batch)? + self.set_aside(batch);
            open -= completed;
            if completed == 0 && self.ring.submission().is_empty() {
                // They complete inside the submission, so this is not reached. The pointers must not
                // be given up before, though.
                self.enter(Patience::Endless)?;
            }
        }
        Ok(())
    }

    fn send_entry(&mut self, outgoing: &Outgoing<'_>) -> squeue::Entry {
        let fd = Fd(outgoing.fd);
        if let [slice] = outgoing.slices {
            // What does not fit is offered with the next attempt.
            let len = u32::try_from(slice.len()).unwrap_or(u32::MAX);
            return opcode::Send::new(fd, slice.as_ptr(), len).flags(SEND_FLAGS).build();
        }
        // SAFETY: all zeros are a valid header: no name, no slices, no control data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = outgoing.slices.as_ptr().cast_mut().cast();
        message.msg_iovlen = outgoing.slices.len().min(crate::socket::MAX_SLICES) as _;
        self.messages.push(message);
        let header = self.messages.last().map_or(std::ptr::null(), std::ptr::from_ref);
        #[allow(clippy::cast_sign_loss, reason = "flags")]
        let flags = SEND_FLAGS as u32;
        opcode::SendMsg::new(fd, header).flags(flags).build()
    }

    /// Takes everything back and waits until the kernel has let go of it. False: it has not.
    pub(super) fn cancel_all(&mut self) -> bool {
        if self.under_way == 0 {
            return true;
        }
        let cancel = opcode::AsyncCancel2::new(CancelBuilder::any()).build();
        self.under_way += 1;
        // Behind all that is to be taken back.
        self.backlog.push_back(cancel.user_data(Tag::Cancel.to_word()));
        let deadline = Instant::now() + LAST_PATIENCE;
        while self.under_way > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.enter(Patience::AtMost(left)).is_err() {
                return false;
            }
            // Nobody asks for what they bring.
            self.set_aside(&mut []);
            self.aside.clear();
        }
        true
    }
}

impl Ring for KernelRing {
    fn push(&mut self, tag: Tag, operation: Operation) {
        let entry = match operation {
            Operation::Accept(fd) => {
                opcode::AcceptMulti::new(Fd(fd)).flags(libc::SOCK_CLOEXEC).build()
            }
            Operation::Receive(fd) => opcode::RecvMulti::new(Fd(fd), GROUP).build(),
            Operation::Poll(fd, events) => opcode::PollAdd::new(Fd(fd), events).build(),
            Operation::PollMulti(fd, events) => {
                opcode::PollAdd::new(Fd(fd), events).multi(true).build()
            }
            Operation::Cancel(tag) => opcode::AsyncCancel::new(tag.to_word()).build(),
        };
        let entry = entry.user_data(tag.to_word());
        self.under_way += 1;
        // In order: what was left over goes first.
        if !self.backlog.is_empty() || !self.queue(&entry) {
            self.backlog.push_back(entry);
        }
    }

    fn enter(&mut self, patience: Patience) -> io::Result<()> {
        if !self.backlog.is_empty() {
            self.flush()?;
        }
        if self.broken {
            return Err(io::Error::other("the ring broke"));
        }
        self.pool.entered();
        let queue = self.ring.submission();
        let idle = queue.is_empty() && !queue.taskrun() && !queue.cq_overflow();
        drop(queue);
        let waits = self.aside.is_empty() && self.ring.completion().is_empty();
        let entered = match patience {
            Patience::AtMost(timeout) if waits => {
                let timespec = Timespec::from(timeout);
                let args = SubmitArgs::new().timespec(&timespec);
                self.ring.submitter().submit_with_args(1, &args)
            }
            Patience::Endless if waits => self.ring.submit_and_wait(1),
            // Nothing to hand over and nothing to fetch: no system call.
            _ if idle => return Ok(()),
            _ => self.ring.submit(),
        };
        match entered {
            Err(error) if error.raw_os_error() == Some(libc::ETIME) || is_passing(&error) => Ok(()),
            Err(error) => {
                self.broken = true;
                Err(error)
            }
            Ok(_) => Ok(()),
        }
    }

    fn reap(&mut self) -> Option<Completed> {
        self.aside.pop_front().or_else(|| self.next_entry())
    }

    fn send(&mut self, batch: &mut [Outgoing<'_>]) {
        let most = self.granted.submissions as usize;
        for some in batch.chunks_mut(most) {
            for outgoing in some.iter_mut() {
                outgoing.result = Err(libc::EPIPE);
            }
            if self.send_some(some).is_err() {
                // The worker's next wait fails. Until then its connections take nothing.
                return;
            }
        }
    }

    fn recycle(&mut self, piece: Piece) {
        self.pool.give(piece);
    }

    fn grow(&mut self) {
        self.pool.grow();
    }
}

/// Whether an enter may succeed when it is tried again: interrupted, short of memory, or completions
/// that overflew are to be taken first. Nothing was lost.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
}

impl fmt::Debug for KernelRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelRing")
            .field("granted", &self.granted)
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

impl Drop for KernelRing {
    fn drop(&mut self) {
        self.cancel_all();
        let released = self.ring.submitter().unregister_buf_ring(GROUP).is_ok();
        if self.under_way == 0 && released {
            // SAFETY: dropped here and nowhere else, and the kernel has neither an operation that could
            // write to the buffers, nor the ring. Otherwise they are leaked.
            unsafe { ManuallyDrop::drop(&mut self.pool) };
        }
    }
}
