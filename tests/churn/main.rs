//! Clients that come, misbehave and go for as long as one likes, against a server in a process of its
//! own, so that what it holds can be counted from outside: when all are gone, nothing of them may be
//! left. What clients do is random and drawn from a seed.
//!
//! `HEADWATER_CHURN_SECONDS` says how long each test churns (the warm-up before is shorter), and
//! `HEADWATER_CHURN_SEED` repeats what clients did before; the seed of a run is on its output
//! (`--nocapture`). Which of two clients is quicker is not repeated.
#![cfg(target_os = "linux")]

/// Makes each scenario one test per engine. A scenario is also told the name of its test.
macro_rules! on_every_engine {
    ($($scenario:ident),* $(,)?) => {
        mod on {
            #[cfg(all(feature = "io-uring", target_os = "linux"))]
            mod io_uring {
                on_every_engine!(@ IoUring, "io_uring", $($scenario),*);
            }
            #[cfg(feature = "epoll")]
            mod epoll {
                on_every_engine!(@ Epoll, "epoll", $($scenario),*);
            }
            mod std {
                on_every_engine!(@ Std, "std", $($scenario),*);
            }
        }
    };
    (@ $engine:ident, $module:literal, $($scenario:ident),*) => {
        $(#[test] fn $scenario() {
            let test = concat!("on::", $module, "::", stringify!($scenario));
            crate::$scenario(headwater::Engine::$engine, test);
        })*
    };
}

mod actions;
mod check;
mod client;
mod crowd;
mod kinds;
mod load;
mod place;
mod process;
mod run;
mod served;
#[path = "../e2e/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the end-to-end tests use all of it")]
mod support;

use headwater::Engine;
use run::{Shape, run};

fn clients_that_come_and_go_leave_nothing_behind(engine: Engine, test: &str) {
    run(engine, test, &Shape { clients: 200, descriptors: None, restarts: false });
}

fn clients_beyond_the_descriptors_are_survived(engine: Engine, test: &str) {
    run(engine, test, &Shape { clients: 120, descriptors: Some(64), restarts: false });
}

fn servers_that_replace_each_other_leave_nothing_behind(engine: Engine, test: &str) {
    run(engine, test, &Shape { clients: 120, descriptors: None, restarts: true });
}

on_every_engine! {
    clients_that_come_and_go_leave_nothing_behind,
    clients_beyond_the_descriptors_are_survived,
    servers_that_replace_each_other_leave_nothing_behind,
}

/// An engine that is added to the build must be added to the macro, too.
#[test]
fn every_engine_of_the_build_is_tested() {
    let tested: &[Engine] = &[
        #[cfg(all(feature = "io-uring", target_os = "linux"))]
        Engine::IoUring,
        #[cfg(feature = "epoll")]
        Engine::Epoll,
        Engine::Std,
    ];
    assert_eq!(Engine::compiled(), tested);
}
