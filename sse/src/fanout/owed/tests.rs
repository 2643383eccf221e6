//! What is owed, beside a plain list of it.

use super::*;
use proptest::prelude::*;

#[derive(Default)]
struct Both {
    owed: Owed,
    /// Broker and bytes of each unit that is not sent completely. 0 is no event, 1 the client's own.
    plain: VecDeque<(u64, Vec<u8>)>,
    begun: bool,
    out: Vec<u8>,
    expected: Vec<u8>,
}

impl Both {
    fn push(&mut self, broker: u64, body: &[u8]) {
        let of = match broker {
            0 => Of::Other,
            1 => Of::Own,
            _ => Of::Broker(broker),
        };
        self.owed.push(of, Bytes::copy_from_slice(body));
        self.plain.push_back((broker, body.to_vec()));
    }

    fn send(&mut self, n: usize) {
        let mut slices = Vec::new();
        let n = n.min(self.owed.slices(&mut slices));
        self.out.extend(slices.iter().flat_map(|slice| slice.to_vec()).take(n));
        drop(slices);
        let (mut rest, mut whole) = (n, Left::default());
        while rest > 0 {
            let Some((broker, bytes)) = self.plain.front_mut() else { panic!("nothing left") };
            let cut = rest.min(bytes.len());
            self.expected.extend(bytes.drain(..cut));
            (rest, self.begun) = (rest - cut, !bytes.is_empty());
            if !self.begun {
                whole.events += usize::from(*broker > 0);
                whole.own += usize::from(*broker == 1);
                self.plain.pop_front();
            }
        }
        assert_eq!(self.owed.sent(n), whole);
    }

    fn drop_oldest(&mut self, broker: u64) {
        let begun = usize::from(self.begun);
        let at = self.plain.iter().skip(begun).position(|unit| unit.0 == broker);
        at.map(|at| self.plain.remove(at + begun));
        assert_eq!(self.owed.drop_oldest(broker).is_some(), at.is_some());
    }
}

proptest! {
    #[test]
    fn what_is_owed_leaves_in_order_however_it_is_cut_and_thinned_out(
        units in prop::collection::vec((1usize..20_000, 0u64..4), 1..30),
        steps in prop::collection::vec((1usize..9000, 0u64..6), 1..60),
        compact_at in 0usize..60,
    ) {
        let mut both = Both::default();
        for (i, &(len, broker)) in units.iter().enumerate() {
            let body: Vec<u8> = (0u8..=255).cycle().skip(i).take(len).collect();
            both.push(broker, &body);
        }
        for (i, &(n, broker)) in steps.iter().enumerate() {
            // When that is decided, and when it is done.
            if i == compact_at {
                both.owed.is_to_compact();
            }
            if i == compact_at + 3 {
                both.owed.compact();
            }
            match broker {
                2.. => both.drop_oldest(broker),
                _ => both.send(n),
            }
            let bytes: usize = both.plain.iter().map(|unit| unit.1.len()).sum();
            prop_assert_eq!(both.owed.bytes(), bytes);
            let events = both.plain.iter().filter(|unit| unit.0 > 0).count();
            prop_assert_eq!(both.owed.events(), events);
        }
        while !both.owed.is_empty() {
            both.send(usize::MAX);
        }
        prop_assert!(both.out == both.expected);
    }
}

fn offered(owed: &Owed) -> Vec<u8> {
    let mut slices = Vec::new();
    let len = owed.slices(&mut slices);
    let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(bytes.len(), len);
    bytes
}

#[test]
fn one_notice_stands_before_the_next_event_and_counts_all_that_are_missing() {
    let spell = |gap: &Gap| Some(Bytes::from(format!("[{}]", gap.missed)));
    let gap = |missed| Gap { broker: 7, missed, last: None };
    let mut owed = Owed::default();
    for (broker, bytes) in
        [(Some(7), "abc"), (Some(7), "d"), (None, "-"), (Some(7), "e"), (Some(8), "x")]
    {
        owed.push(broker.map_or(Of::Other, Of::Broker), Bytes::from_static(bytes.as_bytes()));
    }
    owed.sent(1);
    for left in ["bc-[1]ex", "bc-[2]x"] {
        owed.drop_oldest(7).expect("one that has not begun");
        owed.notice(gap(1), spell);
        assert_eq!(offered(&owed), left.as_bytes());
    }
    assert_eq!(owed.drop_oldest(7), None);
    // Once it leaves, the next is another one.
    owed.sent(4);
    owed.push(Of::Broker(7), Bytes::from_static(b"f"));
    owed.notice(gap(4), spell);
    assert_eq!(offered(&owed), b"2]x[4]f");
}
