//! Bytes waiting to be sent on one connection: a bounded queue of shared buffers, taken over without a
//! copy. Never sends: see `driver`.

use bytes::{Buf, Bytes};
use std::{collections::VecDeque, error, fmt, io::IoSlice};

/// A queue of buffers, bounded by the sum of their bytes.
#[derive(Debug)]
pub struct Outbox {
    buffers: VecDeque<Bytes>,
    len_bytes: usize,
    limit_bytes: usize,
}

/// The outbox has no room for these bytes; here they are back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Full(pub Bytes);

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no room for {} more bytes", self.0.len())
    }
}

impl error::Error for Full {}

impl Outbox {
    /// An empty queue that will hold up to `limit_bytes`.
    pub const fn new(limit_bytes: usize) -> Self {
        Self { buffers: VecDeque::new(), len_bytes: 0, limit_bytes }
    }

    /// Queues a buffer behind the others.
    ///
    /// # Errors
    /// [`Full`] hands the buffer back if it does not fit whole.
    pub fn push(&mut self, buffer: Bytes) -> Result<(), Full> {
        if buffer.len() > self.room_bytes() {
            return Err(Full(buffer));
        }
        self.len_bytes += buffer.len();
        if !buffer.is_empty() {
            self.buffers.push_back(buffer);
        }
        Ok(())
    }

    /// Points `into` at the front of the queue, as far as it reaches, and says how many of its slices
    /// are in use.
    pub fn slices<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let pairs = into.iter_mut().zip(&self.buffers);
        pairs.map(|(slice, buffer)| *slice = IoSlice::new(buffer)).count()
    }

    /// Forgets the first `sent` bytes.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn advance(&mut self, mut sent: usize) {
        assert!(sent <= self.len_bytes, "more bytes sent than were queued");
        self.len_bytes -= sent;
        while let Some(front) = self.buffers.front_mut() {
            if sent < front.len() {
                front.advance(sent);
                return;
            }
            sent -= front.len();
            self.buffers.pop_front();
        }
    }

    /// How many bytes wait.
    pub const fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// How many more bytes fit.
    pub const fn room_bytes(&self) -> usize {
        self.limit_bytes - self.len_bytes
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.len_bytes == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limit_holds_at_one_less_exactly_and_one_more() {
        for (len, fits) in [(9, true), (10, true), (11, false)] {
            let mut outbox = Outbox::new(10);
            let refused = outbox.push(Bytes::from(vec![b'x'; len])).err();
            assert_eq!(refused.is_none(), fits, "{len} bytes");
            assert_eq!(outbox.len_bytes(), if fits { len } else { 0 });
            assert!(refused.is_none_or(|Full(bytes)| bytes.len() == len));
        }
    }

    #[test]
    fn room_comes_back_with_what_was_sent() {
        let mut outbox = Outbox::new(10);
        outbox.push(Bytes::from_static(b"0123456789")).unwrap();
        assert!(outbox.push(Bytes::from_static(b"a")).is_err());
        outbox.advance(1);
        outbox.push(Bytes::from_static(b"a")).unwrap();
        assert_eq!(outbox.room_bytes(), 0);
    }

    proptest! {
        #[test]
        fn outbox_agrees_with_a_plain_vec(
            steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..20), 0_usize..30), 0..60),
            width in 1_usize..5,
        ) {
            let mut outbox = Outbox::new(100);
            let mut oracle: Vec<u8> = Vec::new();
            for (bytes, sent) in steps {
                let fits = oracle.len() + bytes.len() <= 100;
                prop_assert_eq!(outbox.push(Bytes::from(bytes.clone())).is_ok(), fits);
                if fits {
                    oracle.extend(bytes);
                }
                let mut slices = vec![IoSlice::new(&[]); width];
                let used = outbox.slices(&mut slices);
                let seen: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
                prop_assert!(oracle.starts_with(&seen));
                prop_assert!(used == width || seen.len() == oracle.len());
                let sent = sent.min(seen.len());
                outbox.advance(sent);
                oracle.drain(..sent);
                prop_assert_eq!(outbox.len_bytes(), oracle.len());
                prop_assert_eq!(outbox.is_empty(), oracle.is_empty());
            }
        }
    }
}
