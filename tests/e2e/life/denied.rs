//! `io_uring` denied by a system call filter, as sandboxes and container runtimes do: the automatic
//! choice goes on to the next engine and says why, a named one is an error, and an engine that was named
//! does not touch it. Linux only. Each filter is on one thread, and on what it starts.

use crate::support::{Peer, Running, builder};
use headwater::{Engine, Error, Router, routing::get};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

/// What sandboxes answer: that it is forbidden, or that there is no such call.
const DENIALS: [i32; 2] = [libc::EPERM, libc::ENOSYS];
/// All that there is of `io_uring`.
const CALLS: [libc::c_long; 3] =
    [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];
/// An address of the loopback that no other test listens on: ports there are ours.
const OURS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// Names the engine to a process that is to run under a filter that kills.
const UNDER_FILTER: &str = "DENIED_ENGINE";

/// From now on this thread, and whatever it starts, meets `denial` in place of these calls.
fn deny(calls: &[libc::c_long], denial: SeccompAction) {
    let rules = calls.iter().map(|&call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture with filters");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denial, arch);
    let filter: BpfProgram = filter.and_then(TryInto::try_into).expect("a sound filter");
    apply_filter(&filter).expect("a thread may deny itself something");
}

/// Runs on a thread of its own, where these calls fail with this error.
fn where_they_fail(calls: &[libc::c_long], code: i32, run: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            deny(calls, SeccompAction::Errno(code.cast_unsigned()));
            run();
        });
    });
}

fn app() -> Router {
    Router::new().route("/", get(|| "ok"))
}

/// One line that says that it is about `io_uring`, and what the system said if it was asked at all.
#[track_caller]
fn says_why(reason: &str, code: i32) {
    assert_eq!(reason.lines().count(), 1, "{reason}");
    assert!(reason.contains("io_uring"), "{reason}");
    let why = if Engine::compiled().contains(&Engine::IoUring) {
        io::Error::from_raw_os_error(code).to_string()
    } else {
        "not part of this build".to_owned()
    };
    assert!(reason.contains(&why), "{why}: {reason}");
}

#[test]
fn auto_goes_on_to_the_next_engine_and_says_why() {
    let next = Engine::compiled().iter().find(|&&engine| engine != Engine::IoUring);
    // Some filters know only a part of it.
    let parts = std::iter::once(&CALLS[..]).chain(CALLS.chunks(1));
    for (code, calls) in DENIALS.into_iter().flat_map(|code| parts.clone().map(move |p| (code, p)))
    {
        where_they_fail(calls, code, || {
            let server = Running::from(builder(Engine::Auto).serve(app()).expect("a free port"));
            assert_eq!(Some(&server.engine()), next);
            says_why(server.engine_reason(), code);
            assert_eq!(server.get("/").text(), "ok");
        });
    }
}

#[test]
fn named_io_uring_is_an_error_and_nothing_listens() {
    for code in DENIALS {
        let addr = free_addr();
        where_they_fail(&CALLS, code, || {
            match builder(Engine::IoUring).bind(addr.to_string()).serve(app()) {
                Err(error @ Error::EngineUnavailable { .. }) => says_why(&error.to_string(), code),
                other => panic!("{other:?}"),
            }
        });
        assert!(!Peer::try_connect(addr));
    }
}

fn free_addr() -> SocketAddr {
    let listener = TcpListener::bind((OURS, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket")
}

#[test]
fn other_named_engines_do_not_touch_it() {
    if let Ok(engine) = std::env::var(UNDER_FILTER) {
        return serve_where_it_kills(engine.parse().expect("the name of an engine"));
    }
    for engine in Engine::compiled() {
        let Output { status, stdout, .. } = run_under_filter(*engine);
        let out = String::from_utf8_lossy(&stdout);
        if *engine == Engine::IoUring {
            assert_eq!(status.signal(), Some(libc::SIGSYS), "the filter kills: {out}");
        } else {
            assert!(status.success() && out.contains("1 passed"), "{engine}: {status} {out}");
        }
    }
}

/// This test alone, in a process of its own.
fn run_under_filter(engine: Engine) -> Output {
    let test = "life::denied::other_named_engines_do_not_touch_it";
    let mut process = Command::new(std::env::current_exe().expect("this program"));
    process.args(["--exact", test]).env(UNDER_FILTER, engine.to_string());
    process.output().expect("this program can be started")
}

fn serve_where_it_kills(engine: Engine) {
    deny(&CALLS, SeccompAction::KillProcess);
    let server = Running::from(builder(engine).serve(app()).expect("a free port"));
    assert_eq!((server.engine(), server.get("/").text()), (engine, "ok"));
}
