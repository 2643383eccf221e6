//! The bench server: serves one live stream, or measures a server that does.

mod cli;
#[cfg(test)]
mod compare;
mod load;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(cli::Cli { command: Some(cli::Command::Load(args)), .. }) => load::main(&args),
        Ok(cli::Cli { list_engines: true, .. }) => serve::list_engines(),
        Ok(cli::Cli { command: None, serve, .. }) => serve::main(&serve),
        Err(code) => code,
    }
}
