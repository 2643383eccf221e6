//! The first bytes of a fuzzer's input decide how the rest is used: which limits, how it is cut,
//! what its owner does. Interprets nothing else.

use headwater_http::Limits;

/// The control bytes of one run.
pub(crate) struct Control([u8; 16]);

impl Control {
    /// Takes them from the front; `None` if there are too few.
    pub(crate) fn split(input: &[u8]) -> Option<(Self, &[u8])> {
        let (control, rest) = input.split_first_chunk()?;
        Some((Self(*control), rest))
    }

    /// The default limits if the first byte is even, else limits small enough to be hit.
    pub(crate) fn limits(&self) -> Limits {
        let [kind, head, headers, line, body, ..] = self.0.map(usize::from);
        if kind % 2 == 0 {
            return Limits::default();
        }
        Limits::default()
            .with_head_bytes(head)
            .with_headers(headers % 8)
            .with_request_line_bytes(line % 64)
            .with_body_bytes((body % 32) as u64)
    }

    /// Whether the peer ends its stream after the last byte.
    pub(crate) fn ends(&self) -> bool {
        self.0[0] & 2 == 0
    }

    /// Whether its owner may want to close.
    pub(crate) fn closes(&self) -> bool {
        self.0[0] & 4 != 0
    }

    /// Numbers without end that only the control bytes decide.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> {
        let mut state = self.0[5..].iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as usize
        })
    }

    /// `input` in pieces of up to as many bytes as one control byte says.
    pub(crate) fn cut<'i>(&self, mut input: &'i [u8]) -> Vec<&'i [u8]> {
        let most = 1 + usize::from(self.0[15]);
        let mut pieces = Vec::new();
        for number in self.numbers() {
            if input.is_empty() {
                break;
            }
            let (piece, rest) = input.split_at(input.len().min(1 + number % most));
            pieces.push(piece);
            input = rest;
        }
        pieces
    }
}
