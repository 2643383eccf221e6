//! Prints the public API of a crate from its rustdoc JSON: a line per item and implementation, sorted.
//! What calls it, and compares, is `.ci/supply`.

use public_api::Builder;
use std::process::ExitCode;

/// Of the traits that types have by themselves, those that users come to rely on.
const RELIED_ON: [&str; 3] = ["core::marker::Send", "core::marker::Sync", "core::marker::Unpin"];

fn main() -> ExitCode {
    let Some(json) = std::env::args_os().nth(1) else {
        eprintln!("usage: public-api-of CRATE.json");
        return ExitCode::FAILURE;
    };
    // Implementations for all types that others wrote are theirs to keep.
    let api = match Builder::from_rustdoc_json(&json).omit_blanket_impls(true).build() {
        Ok(api) => api,
        Err(error) => {
            eprintln!("{}: {error}", json.display());
            return ExitCode::FAILURE;
        }
    };
    let mut lines: Vec<String> = api.items().map(ToString::to_string).collect();
    lines.retain(|line| !is_incidental(line));
    lines.sort_unstable();
    lines.dedup();
    for line in lines {
        println!("{line}");
    }
    ExitCode::SUCCESS
}

/// Whether an implementation is of a trait that types have by themselves and nobody asks for.
fn is_incidental(line: &str) -> bool {
    let Some((of, _)) = line.split_once(" for ") else { return false };
    let by_itself = ["core::marker::", "core::panic::unwind_safe::"];
    of.starts_with("impl")
        && by_itself.iter().any(|path| of.contains(path))
        && !RELIED_ON.iter().any(|path| of.contains(path))
}
