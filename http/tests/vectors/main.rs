//! Runs the rows of `table`: each as a test of its own, all of them split and joined at random, and
//! all of them against hyper.

mod against_hyper;
#[path = "../common/mod.rs"]
mod common;
mod peer;
mod splits;
mod table;

use common::{Seen, transcript_of_any_cut};
use headwater_http::{Limits, ParseError};
use std::collections::HashSet;
use table::{End, Vector};

/// The row must come out as it says, wherever its bytes are cut, whether or not the peer then ends
/// its stream.
fn check(name: &str, rows: &[Vector]) {
    let row = rows.iter().find(|row| row.name == name).expect("a row of that name");
    let (served, end) =
        told(&transcript_of_any_cut(&Limits::default(), row.input.as_bytes(), false));
    assert_eq!(served, row.served, "{}: {:?}", row.rule, row.input);
    match row.end {
        End::Waits | End::Partial => assert_eq!(end, None, "{}: {:?}", row.rule, row.input),
        End::Closes => assert_eq!(end, Some(Seen::Closed), "{}: {:?}", row.rule, row.input),
        End::Refuses(error) => {
            assert_eq!(end, Some(Seen::Refused(error)), "{}: {:?}", row.rule, row.input);
        }
    }

    let (served, end) =
        told(&transcript_of_any_cut(&Limits::default(), row.input.as_bytes(), true));
    assert_eq!(served, row.served, "{}: {:?}", row.rule, row.input);
    let expected = match row.end {
        End::Waits | End::Closes => Seen::Closed,
        End::Partial => Seen::Refused(ParseError::Incomplete),
        End::Refuses(error) => Seen::Refused(error),
    };
    assert_eq!(end, Some(expected), "{}: {:?}", row.rule, row.input);
}

/// A transcript as rows say it: the requests, and the end if there was one.
fn told(seen: &[Seen]) -> (Vec<String>, Option<Seen>) {
    let mut served = Vec::new();
    for seen in seen {
        match seen {
            Seen::Request { method, target, body, complete, .. } => {
                let rest = if *complete { "" } else { "..." };
                served.push(format!("{method} {target} {}{rest}", body.escape_ascii()));
            }
            end => return (served, Some(end.clone())),
        }
    }
    (served, None)
}

#[test]
fn no_two_rows_have_the_same_name() {
    let mut names = HashSet::new();
    for row in table::all() {
        assert!(names.insert(row.name), "{}", row.name);
    }
}
