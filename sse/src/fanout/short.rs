//! A few bytes in place: what frames one event.

/// Room for the length of a chunk (18), the line of an assigned id (25) and the end of a chunk before
/// it (2).
const CAPACITY: usize = 46;

#[derive(Clone, Copy)]
pub(super) struct Short {
    bytes: [u8; CAPACITY],
    len: u8,
}

impl Short {
    pub(super) const EMPTY: Self = Self { bytes: [0; CAPACITY], len: 0 };

    /// # Panics
    /// If `bytes` are more than that.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut short = Self::EMPTY;
        assert!(short.push(bytes), "a frame is short");
        short
    }

    /// Appends bytes. False if they do not fit.
    #[allow(clippy::cast_possible_truncation, reason = "what fits is below 256")]
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let begin = usize::from(self.len);
        let Some(room) = self.bytes.get_mut(begin..begin + bytes.len()) else { return false };
        room.copy_from_slice(bytes);
        self.len += bytes.len() as u8;
        true
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_and_what_does_not_is_refused_whole() {
        for (len, fits) in [(CAPACITY - 1, true), (CAPACITY, true), (CAPACITY + 1, false)] {
            let mut short = Short::new(b"x");
            let more = vec![b'y'; len - 1];
            assert_eq!(short.push(&more), fits);
            let kept = if fits { len } else { 1 };
            assert_eq!(short.as_slice(), &[b"x".as_slice(), &more].concat()[..kept]);
        }
    }
}
