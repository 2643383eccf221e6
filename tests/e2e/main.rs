//! headwater from outside: real servers on the loopback, spoken to over sockets. Each scenario runs on
//! every engine of the build, as a test of its own.

/// Makes each scenario one test per engine.
macro_rules! on_every_engine {
    ($($scenario:ident),* $(,)?) => {
        mod on {
            #[cfg(all(feature = "io-uring", target_os = "linux"))]
            mod io_uring {
                $(#[test] fn $scenario() { super::super::$scenario(headwater::Engine::IoUring); })*
            }
            #[cfg(feature = "epoll")]
            mod epoll {
                $(#[test] fn $scenario() { super::super::$scenario(headwater::Engine::Epoll); })*
            }
            mod std {
                $(#[test] fn $scenario() { super::super::$scenario(headwater::Engine::Std); })*
            }
        }
    };
}

mod balance;
mod bodies;
mod endpoints;
mod handlers;
mod http;
mod life;
#[cfg(feature = "metrics")]
mod metrics;
mod pitfalls;
mod replay;
mod script;
mod seed;
mod streams;
mod support;
#[cfg(feature = "tokio")]
mod tokio_types;
#[cfg(feature = "tower")]
mod tower_services;

/// An engine that is added to the build must be added to the macro, too.
#[test]
fn every_engine_of_the_build_is_tested() {
    use headwater::Engine;
    let tested: &[Engine] = &[
        #[cfg(all(feature = "io-uring", target_os = "linux"))]
        Engine::IoUring,
        #[cfg(feature = "epoll")]
        Engine::Epoll,
        Engine::Std,
    ];
    assert_eq!(Engine::compiled(), tested);
}
