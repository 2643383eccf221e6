//! Whole connections against a model: clients that ask anything of any kind of handler, over sockets in
//! memory, where time and every byte are the test's, and over real ones on every engine. The fuzz target
//! `service` does the first with inputs of its own, from the same modules.

mod answers;
mod check;
mod due;
mod engines;
mod found;
mod gates;
mod grammar;
mod kind;
mod limits;
mod loopback;
mod malformed;
mod memory;
mod model;
mod plan;
mod reader;
mod routes;
mod sends;
mod sent;
mod state;
mod whole_or_cut;

use arbitrary::{Arbitrary, Unstructured};
use grammar::Case;
use headwater::Engine;
use loopback::Running;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn cases() -> impl Strategy<Value = Case> {
    prop::collection::vec(any::<u8>(), 64..1024).prop_map(|bytes| {
        Case::arbitrary(&mut Unstructured::new(&bytes)).expect("missing bytes count as zeros")
    })
}

/// At least so many cases, more if `PROPTEST_CASES` says so.
fn config(least: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    // What does not come is waited for, each time that the case is made smaller.
    let max_shrink_time = 60_000;
    let cases = config.cases.max(least);
    ProptestConfig { failure_persistence: None, max_shrink_time, cases, ..config }
}

/// Does random cases, and shows the smallest that fails.
#[track_caller]
fn for_cases(count: u32, mut holds: impl FnMut(&Case) -> Result<(), String>) {
    let holds = std::cell::RefCell::new(&mut holds);
    let outcome = TestRunner::new(config(count))
        .run(&cases(), |case| (holds.borrow_mut())(&case).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn what_is_due_comes_whole_or_cut_and_nothing_is_left() {
    let app = routes::App::new();
    for_cases(2000, |case| whole_or_cut::hold(&app, case));
}

/// An engine gives its clients what the one in memory gives them.
fn agrees(engine: Engine) {
    let server = Running::start(engine);
    for_cases(200, |case| engines::agree(&server, case));
}

#[cfg(all(feature = "io-uring", target_os = "linux"))]
#[test]
fn io_uring_gives_what_sockets_in_memory_give() {
    agrees(Engine::IoUring);
}

#[cfg(feature = "epoll")]
#[test]
fn epoll_gives_what_sockets_in_memory_give() {
    agrees(Engine::Epoll);
}

#[test]
fn std_gives_what_sockets_in_memory_give() {
    agrees(Engine::Std);
}
