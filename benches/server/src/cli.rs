//! The command line: what can be asked for, and the one line a wrong flag gets.
//! Decides nothing about serving or measuring: flags of later versions are parsed here and
//! refused where the server is built.

pub(crate) mod values;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::compare::CompareArgs;
use crate::load::LoadArgs;
use crate::load::ask::AskArgs;
use crate::load::catch_up::CatchUpArgs;
use crate::load::guests::{IdleArgs, VisitsArgs};
use values::{Rate, Replay};

/// Exit code of a command line that cannot be understood.
pub(crate) const USAGE: u8 = 2;

/// The whole command line: serving is the default, `load` measures a running server.
#[derive(Debug, Parser)]
#[command(
    name = "bench-server",
    version,
    about = "Serves one live event stream on headwater; `load` measures it",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Print the engines of this build, one a line, and exit
    #[arg(long, exclusive = true)]
    pub(crate) list_engines: bool,
    /// How to serve.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// The work other than serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Subscribe to a running server, publish to it, and report what arrived and at what cost
    Load(Box<LoadArgs>),
    /// Let connections wait for their next request, and report what each costs the server
    Idle(IdleArgs),
    /// Let connections come and go, and report what they leave behind
    Visits(VisitsArgs),
    /// Make requests over keep-alive connections, and report in JSON how many were answered and what
    /// they cost
    Ask(AskArgs),
    /// Let clients come back for events that they missed, and report in JSON how fast they get them
    CatchUp(CatchUpArgs),
    /// Put every engine of this build through the same scenarios, and report how they compare
    Compare(CompareArgs),
}

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Which engine moves the bytes
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) engine: EngineName,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub(crate) addr: SocketAddr,

    /// Worker threads, at least 1 [default: number of cores]
    #[arg(long, value_name = "N", value_parser = values::at_least_one)]
    pub(crate) workers: Option<NonZeroUsize>,

    /// Events the server publishes by itself each second; 0 for none
    #[arg(long, value_name = "EVENTS_PER_S", default_value = "1", value_parser = values::rate_or_none)]
    pub(crate) rate: Rate,

    /// Data bytes of each of those events
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = values::size)]
    pub(crate) size: usize,

    /// Comment sent to a quiet stream this often; 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = values::seconds)]
    heartbeat: Duration,

    /// Events a slow subscriber may be owed [default: the library's]
    #[arg(long, value_name = "N", value_parser = values::at_least_one)]
    pub(crate) subscriber_buffer: Option<NonZeroUsize>,

    /// What happens to a subscriber that is owed more [default: drop; with --replay, close]
    #[arg(long, value_enum)]
    pub(crate) slow_policy: Option<SlowPolicyName>,

    /// Tell a subscriber of a gap by an event of this name [default: do not]
    #[arg(long, value_name = "NAME")]
    pub(crate) gap_notice: Option<String>,

    /// The largest body of a request [default: the library's]
    #[arg(long, value_name = "BYTES")]
    pub(crate) body_limit: Option<u64>,

    /// Time for a request's head, between two pieces of its body, and for an answer that is not read
    /// [default: the library's]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    pub(crate) patience: Option<Duration>,

    /// Where events are kept for reconnecting clients: none, ring:N, memory, or the URL of
    /// a redis, postgres or memcache server
    #[arg(long, value_name = "STORE", default_value = "none")]
    pub(crate) replay: Replay,
}

impl ServeArgs {
    /// Time between heartbeats, `None` when there are none.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        (!self.heartbeat.is_zero()).then_some(self.heartbeat)
    }
}

/// The engines by their names on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum EngineName {
    /// the first that passes its self-test
    Auto,
    /// Linux completion rings
    #[value(name = "io_uring")]
    IoUring,
    /// readiness events (kqueue on macOS and the BSDs)
    Epoll,
    /// blocking sockets and threads, the slow reference
    Std,
}

/// The slow policies by their names on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SlowPolicyName {
    /// newer events are dropped until the owed ones are out
    Drop,
    /// the newest events are kept
    DropOldest,
    /// the subscription ends, the connection stays
    Remove,
    /// the connection is closed
    Close,
}

/// Parses the arguments of the process. A wrong flag, and `--help`, are already answered when this
/// returns the code to exit with.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            // A reader that closed the pipe (`--help | head`) wants no more of it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        eprintln!("{}", one_line(&error));
        ExitCode::from(USAGE)
    })
}

/// The first paragraph of clap's answer in one line, and where to read on. What was given is quoted in
/// it, and must not do anything to a terminal.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let message = paragraph.join(" ");
    let message = message.replace(char::is_control, "\u{fffd}");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    format!("bench-server: {message} (see --help)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<Cli, String> {
        let words = std::iter::once("bench-server").chain(words.split_whitespace());
        Cli::try_parse_from(words).map_err(|error| one_line(&error))
    }

    fn serve(words: &str) -> ServeArgs {
        parse_words(words).expect("these flags are right").serve
    }

    fn refusal(words: &str) -> String {
        parse_words(words).expect_err("these flags are wrong")
    }

    #[test]
    fn no_flags_serve_one_event_a_second_on_loopback() {
        let args = serve("");
        assert_eq!(args.addr, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(args.engine, EngineName::Auto);
        assert_eq!(args.workers, None);
        assert_eq!(args.rate.period(), Some(Duration::from_secs(1)));
        assert_eq!(args.size, 128);
        assert_eq!(args.heartbeat(), Some(Duration::from_secs(15)));
        assert_eq!(args.slow_policy, None);
        assert_eq!(args.replay, Replay::None);
    }

    #[test]
    fn listing_the_engines_goes_with_nothing_else() {
        assert!(parse_words("--list-engines").expect("this flag is right").list_engines);
        assert!(refusal("--list-engines --workers 2").contains("--list-engines"));
        assert!(refusal("--list-engines load").contains("--list-engines"));
    }

    #[test]
    fn flags_of_later_versions_are_understood() {
        let args = serve(
            "--engine io_uring --slow-policy drop-oldest --gap-notice gap --replay ring:500 \
             --subscriber-buffer 7 --workers 3",
        );
        assert_eq!(args.engine, EngineName::IoUring);
        assert_eq!(args.slow_policy, Some(SlowPolicyName::DropOldest));
        assert_eq!(args.gap_notice.as_deref(), Some("gap"));
        assert_eq!(args.replay, Replay::Ring(NonZeroUsize::new(500).unwrap()));
        assert_eq!(args.subscriber_buffer, NonZeroUsize::new(7));
        assert_eq!(args.workers, NonZeroUsize::new(3));
    }

    #[test]
    fn zero_means_none_for_rate_and_heartbeat() {
        let args = serve("--rate 0 --heartbeat 0");
        assert_eq!(args.rate.period(), None);
        assert_eq!(args.heartbeat(), None);
        let args = serve("--rate 0.5 --heartbeat 0.25");
        assert_eq!(args.rate.period(), Some(Duration::from_secs(2)));
        assert_eq!(args.heartbeat(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn every_wrong_flag_gets_one_line_that_names_it() {
        for (words, named) in [
            ("--workers 0", "--workers"),
            ("--workers -1", "-1"),
            ("--engine kqueue", "--engine"),
            ("--addr nowhere", "--addr"),
            ("--addr 127.0.0.1:99999", "--addr"),
            ("--rate -1", "-1"),
            ("--rate inf", "--rate"),
            ("--heartbeat soon", "--heartbeat"),
            ("--heartbeat 1e300", "--heartbeat"),
            ("--subscriber-buffer 0", "--subscriber-buffer"),
            ("--slow-policy panic", "--slow-policy"),
            ("--replay ring:0", "--replay"),
            ("--replay disk", "--replay"),
            ("--frobnicate", "--frobnicate"),
            ("load --rate 0", "--rate"),
            ("load --size 1", "--size"),
            ("load --subscribers many", "--subscribers"),
            ("load --publish-path publish", "--publish-path"),
        ] {
            let line = refusal(words);
            assert!(!line.contains('\n'), "{words}: {line:?}");
            assert!(line.contains(named), "{words}: {line:?}");
        }
    }

    #[test]
    fn a_wrong_choice_is_answered_with_the_right_ones() {
        assert!(refusal("--engine kqueue").contains("auto, io_uring, epoll, std"));
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
