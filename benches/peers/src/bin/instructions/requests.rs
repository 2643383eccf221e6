//! Instructions per request for `/plaintext`: a client of our own, since no load sends exactly as
//! many as it is told.

use std::path::Path;

use clap::Args;
use headwater_peers::client::Course;
use headwater_peers::kind::Kind;

use crate::callgrind;

/// What is sent.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Count per request for /plaintext, not per event
    #[arg(long)]
    pub(crate) plaintext: bool,

    /// Requests of the shorter run, rounded up to whole rounds; the longer one sends twice as many
    #[arg(long, default_value_t = 20_000, value_name = "N", requires = "plaintext")]
    requests: u64,

    /// Requests sent at once on a connection; a line for each number
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,16",
        value_name = "N,N…",
        requires = "plaintext"
    )]
    depth: Vec<usize>,

    /// Keep-alive connections
    #[arg(long, default_value_t = 64, value_name = "N", requires = "plaintext")]
    connections: usize,
}

impl Flags {
    /// Gives the lines that say it.
    pub(crate) fn measure(&self, server: &Kind, program: &Path) -> Result<String, String> {
        let lines = self.depth.iter().map(|&depth| self.line(server, program, depth));
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }

    fn line(&self, server: &Kind, program: &Path, depth: usize) -> Result<String, String> {
        if depth == 0 || self.connections == 0 || self.requests == 0 {
            return Err("--depth, --connections and --requests have to be at least 1".to_owned());
        }
        let course = Course { connections: self.connections, depth };
        let rounds = self.requests.div_ceil(course.round());
        let run = |rounds| {
            callgrind::run(server, program, |running| {
                course.run(running.addr, rounds).map_err(|error| format!("{server}: {error}"))
            })
        };
        let (short, ()) = run(rounds)?;
        let (long, ()) = run(rounds * 2)?;
        let requests = rounds * course.round();
        // Nobody waits for 2^53 requests under callgrind.
        #[expect(clippy::cast_precision_loss, reason = "there are fewer")]
        let each = (long - short) / requests as f64;
        let how = match depth {
            1 => "plain".to_owned(),
            _ => format!("{depth} pipelined"),
        };
        Ok(format!(
            "{server}: {each:.0} user-space instructions per request ({how}, {} connections, \
             {} requests less {requests}: without starting and connecting)",
            self.connections,
            requests * 2
        ))
    }
}
