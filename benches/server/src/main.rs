//! The bench server: serves one live stream, or measures a server that does.

mod cli;
mod compare;
mod load;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(cli::Cli { command: Some(cli::Command::Load(args)), .. }) => load::main(&args),
        Ok(cli::Cli { command: Some(cli::Command::Idle(args)), .. }) => load::guests::idle(&args),
        Ok(cli::Cli { command: Some(cli::Command::Visits(args)), .. }) => {
            load::guests::visits(&args)
        }
        Ok(cli::Cli { command: Some(cli::Command::Ask(args)), .. }) => load::ask::main(&args),
        Ok(cli::Cli { command: Some(cli::Command::CatchUp(args)), .. }) => {
            load::catch_up::main(&args)
        }
        Ok(cli::Cli { command: Some(cli::Command::Compare(args)), .. }) => compare::main(&args),
        Ok(cli::Cli { list_engines: true, .. }) => serve::list_engines(),
        Ok(cli::Cli { command: None, serve, .. }) => serve::main(&serve),
        Err(code) => code,
    }
}
