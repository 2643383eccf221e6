//! Any number of rows, one after the other on one connection, cut anywhere: the outcome is that of
//! each alone.

use crate::common::{cut, transcript};
use crate::table::{self, End, Vector};
use crate::told;
use headwater_http::Limits;
use proptest::prelude::*;

/// Any row after which another request can follow as if it were the first.
fn open_row() -> impl Strategy<Value = &'static Vector> {
    let rows = table::all().filter(|row| row.end == End::Waits && !ends_in_empty_line(row.input));
    prop::sample::select(rows.collect::<Vec<_>>())
}

/// Whether the one empty line that may stand before a request has been used up.
fn ends_in_empty_line(input: &str) -> bool {
    input == "\r\n" || input.ends_with("\r\n\r\n\r\n")
}

fn any_row() -> impl Strategy<Value = &'static Vector> {
    prop::sample::select(table::all().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn pipelined_rows_come_out_as_each_alone_however_they_are_cut(
        first in prop::collection::vec(open_row(), 0..4),
        last in any_row(),
        sizes in prop::collection::vec(1..60usize, 1..8),
        fin in any::<bool>(),
    ) {
        let rows: Vec<_> = first.into_iter().chain([last]).collect();
        let input: Vec<u8> = rows.iter().flat_map(|row| row.input.bytes()).collect();
        let (served, end) = told(&transcript(&Limits::default(), &cut(&input, &sizes), fin));
        let expected: Vec<_> = rows.iter().flat_map(|row| row.served).copied().collect();
        prop_assert_eq!(&served, &expected);
        let (_, alone) = told(&transcript(&Limits::default(), &[last.input.as_bytes()], fin));
        prop_assert_eq!(end, alone);
    }
}
