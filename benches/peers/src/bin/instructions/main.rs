//! Counts the user-space instructions of a server with callgrind: two runs of different length, and
//! the difference of the one over the difference of the other, so that starting and connecting do not
//! count. Needs valgrind. What the kernel does is not in it.
//!
//! - `events`: per delivered event
//! - `requests`: per request for `/plaintext`
//! - `callgrind`: one run

mod callgrind;
mod events;
mod requests;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use headwater_peers::kind::Kind;
use headwater_peers::server;

/// Counts user-space instructions per delivered event, or per request for /plaintext
#[derive(Debug, Parser)]
#[command(name = "instructions")]
struct Flags {
    /// Servers to measure, as for `pairs`, or with --plaintext for `plaintext`; not nchan, and
    /// not ntex but ntex:epoll
    #[arg(required = true, value_name = "SERVER")]
    servers: Vec<Kind>,

    #[command(flatten)]
    events: events::Flags,

    #[command(flatten)]
    requests: requests::Flags,

    /// The bench server, which is the load and headwater [default: the one built beside this]
    #[arg(long, value_name = "FILE")]
    bench_server: Option<PathBuf>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let program = flags.bench_server.clone().unwrap_or_else(server::bench_server);
    let mut code = ExitCode::SUCCESS;
    for server in &flags.servers {
        let measured = if let Some(reason) = server.uncountable() {
            Err(format!("{server}: {reason}"))
        } else if flags.requests.plaintext {
            flags.requests.measure(server, &program)
        } else {
            flags.events.measure(server, &program)
        };
        match measured {
            Ok(lines) => println!("{lines}"),
            // The others can be measured all the same.
            Err(line) => {
                eprintln!("instructions: {line}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
