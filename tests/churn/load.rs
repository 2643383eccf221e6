//! What is sent: events whose data tells whether it is whole, and the large answer. Both ends make it
//! from a number, so nothing has to be kept to check it.

use crate::support::{Numbers, pattern};
use std::sync::LazyLock;

/// Texts of neighbouring numbers begin at different places of the pattern.
const OFFSETS: u64 = 997;
const LARGE_BYTES: usize = 500_000;

static TEXT: LazyLock<String> =
    LazyLock::new(|| String::from_utf8(pattern(LARGE_BYTES)).expect("the pattern is ASCII"));

/// How long the data of the next event is: mostly short, sometimes more than a socket takes at once.
pub(crate) fn event_bytes(numbers: &mut Numbers) -> usize {
    match numbers.below(100) {
        0..60 => 100,
        60..85 => 1_000,
        85..95 => 10_000,
        95..99 => 50_000,
        _ => 200_000,
    }
}

/// The data of an event: its number, its length, and a text that fits both.
pub(crate) fn data(number: u64, bytes: usize) -> String {
    format!("{number} {bytes} {}", text(number, bytes))
}

/// The number in the data of an event that was received.
#[track_caller]
pub(crate) fn number(data: &str) -> u64 {
    let mut parts = data.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_else(|| panic!("no event of ours: {}", start(data)));
    let number: u64 = next().parse().expect("its number");
    let bytes: usize = next().parse().expect("its length");
    let is_whole = next() == text(number, bytes);
    assert!(is_whole, "torn or mixed up: {} bytes that begin {}", data.len(), start(data));
    number
}

pub(crate) fn large() -> &'static str {
    &TEXT
}

fn text(number: u64, bytes: usize) -> &'static str {
    let offset = usize::try_from(number % OFFSETS).expect("below 1000");
    TEXT.get(offset..offset + bytes).expect("events are shorter than the pattern")
}

fn start(data: &str) -> String {
    data.chars().take(60).collect()
}
