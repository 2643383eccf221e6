//! `io_uring` denied to the process by a system call filter, as container runtimes do.

use crate::client::Connection;
use crate::process::{Server, refusal};
use headwater::Engine;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use std::io;

/// What sandboxes answer: that it is forbidden, or that there is no such call.
const DENIALS: [i32; 2] = [libc::EPERM, libc::ENOSYS];

/// Runs on a thread of its own. Processes that it starts meet `denial` in place of `io_uring`.
fn where_denied(denial: SeccompAction, run: impl FnOnce() + Send) {
    let calls = [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];
    let rules = calls.map(|call| (call, Vec::new())).into();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture with filters");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denial, arch);
    let filter: BpfProgram = filter.and_then(TryInto::try_into).expect("a sound filter");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            apply_filter(&filter).expect("a thread may deny itself something");
            run();
        });
    });
}

fn where_it_fails_with(code: i32, run: impl FnOnce() + Send) {
    where_denied(SeccompAction::Errno(code.cast_unsigned()), run);
}

/// One line about `io_uring`, and what the system said if it was asked at all.
#[track_caller]
fn says_why(errors: &str, code: i32) {
    assert!(errors.lines().count() == 1 && errors.starts_with("bench-server: "), "{errors}");
    assert!(errors.contains("io_uring"), "{errors}");
    let why = if Engine::compiled().contains(&Engine::IoUring) {
        io::Error::from_raw_os_error(code).to_string()
    } else {
        "not part of this build".to_owned()
    };
    assert!(errors.contains(&why), "{why}: {errors}");
}

#[test]
fn auto_goes_on_to_the_next_engine_and_prints_why() {
    let others = Engine::compiled().iter().filter(|&&engine| engine != Engine::IoUring);
    let next = others.map(ToString::to_string).next().expect("std is always there");
    for code in DENIALS {
        where_it_fails_with(code, || {
            let server = Server::start("auto", "--rate 0");
            assert_eq!(server.announced("engine"), next);
            assert_eq!(Connection::open(server.addr).get("/plaintext").body, "Hello, World!");
            server.signal("TERM");
            let ended = server.wait();
            assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
            says_why(&ended.errors, code);
        });
    }
}

#[test]
fn named_io_uring_is_one_line_and_an_exit_code() {
    for code in DENIALS {
        where_it_fails_with(code, || {
            let (exit, errors) = refusal("--engine io_uring --addr 127.0.0.1:0");
            assert_eq!(exit, Some(1), "{errors}");
            says_why(&errors, code);
        });
    }
}

#[test]
fn other_named_engines_do_not_touch_it() {
    where_denied(SeccompAction::KillProcess, || {
        for engine in Engine::compiled().iter().filter(|&&engine| engine != Engine::IoUring) {
            let server = Server::start(&engine.to_string(), "--rate 100");
            assert_eq!(Connection::open(server.addr).get("/plaintext").body, "Hello, World!");
            server.stop();
        }
        if Engine::compiled().contains(&Engine::IoUring) {
            let (exit, errors) = refusal("--engine io_uring --addr 127.0.0.1:0");
            assert_eq!((exit, errors.as_str()), (None, ""), "the filter kills");
        }
    });
}
