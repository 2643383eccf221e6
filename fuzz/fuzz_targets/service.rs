//! Whole connections of a whole worker: clients that ask anything of any kind of handler, cut anyhow, that
//! read slowly or not at all, wait, stop and leave, over sockets in memory and a clock that is moved by hand.
//! The grammar, the model that says what is due, and what must hold are those of the crate's own tests.
#![no_main]

#[path = "../../tests/service/answers.rs"]
mod answers;
#[path = "../../tests/service/check.rs"]
mod check;
#[path = "../../tests/service/due.rs"]
mod due;
#[path = "../../tests/service/gates.rs"]
mod gates;
#[path = "../../tests/service/grammar.rs"]
mod grammar;
#[path = "../../tests/service/kind.rs"]
mod kind;
#[path = "../../tests/service/limits.rs"]
mod limits;
#[path = "../../tests/service/malformed.rs"]
mod malformed;
#[path = "../../tests/service/memory.rs"]
mod memory;
#[path = "../../tests/service/model.rs"]
mod model;
#[allow(dead_code, reason = "real sockets are for tests")]
#[path = "../../tests/service/plan.rs"]
mod plan;
#[path = "../../tests/service/reader.rs"]
mod reader;
#[path = "../../tests/service/routes.rs"]
mod routes;
#[path = "../../tests/service/sent.rs"]
mod sent;
#[path = "../../tests/service/state.rs"]
mod state;
#[path = "../../tests/service/whole_or_cut.rs"]
mod whole_or_cut;

use libfuzzer_sys::fuzz_target;

thread_local! {
    static APP: routes::App = routes::App::new();
}

fuzz_target!(|case: grammar::Case| {
    if let Err(why) = APP.with(|app| whole_or_cut::hold(app, &case)) {
        panic!("{why}");
    }
});
