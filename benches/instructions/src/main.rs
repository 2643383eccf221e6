//! Counts the user-space instructions of the hot paths (request, publish, deliver) with callgrind, and
//! compares them with `baseline.json`, which is committed. What the kernel does is not in them, nor how
//! long anything takes: they say that a path does more than it did, and say it on a busy machine, too.
//!
//! - `paths`: what is counted, `streams` and `requests` being how
//! - `callgrind`: one run of this program under it
//! - `conditions`: what a count depends on besides the code
//! - `baseline`: the file, and the verdict

#[path = "../../../http/benches/support/mod.rs"]
mod asked;
mod baseline;
mod callgrind;
mod conditions;
mod paths;
mod requests;
mod streams;
#[path = "../../../sse/benches/support/mod.rs"]
mod support;

use baseline::{Baseline, Verdict};
use conditions::Conditions;
use paths::{PATHS, Path};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

const USAGE: &str = "\
usage: instructions [PART...]   counts the paths in whose names one of these is, or all
       instructions check       counts all, and fails where one takes over 3 % more than the baseline
       instructions update      counts all, and writes the baseline anew";

/// Exit code of a command line that cannot be understood.
const MISUSED: u8 = 2;
/// Exit code of a check that had nothing to compare with.
const NOT_COMPARED: u8 = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [callgrind::RUN_PATH, name] => paths::run_here(name).map(|()| ExitCode::SUCCESS),
        [callgrind::SERVE] => requests::serve().map(|()| ExitCode::SUCCESS),
        [callgrind::SAY_CPU] => {
            println!("{}", conditions::cpu());
            Ok(ExitCode::SUCCESS)
        }
        ["check"] => check(),
        ["update"] => update(),
        _ if words.iter().any(|word| word.starts_with('-')) => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(MISUSED))
        }
        _ => show(&words),
    };
    done.unwrap_or_else(|error| {
        eprintln!("instructions: {error}");
        ExitCode::FAILURE
    })
}

fn show(parts: &[&str]) -> Result<ExitCode, String> {
    let wanted =
        |path: &&Path| parts.is_empty() || parts.iter().any(|part| path.name.contains(part));
    let paths: Vec<&Path> = PATHS.iter().filter(wanted).collect();
    if paths.is_empty() {
        return Err(format!("no path has such a name\n{USAGE}"));
    }
    for (name, count) in count_all(&paths)? {
        println!("{count:>10.2} {name}");
    }
    Ok(ExitCode::SUCCESS)
}

fn update() -> Result<ExitCode, String> {
    conditions::refuse_another_compiler()?;
    let conditions = Conditions::now()?;
    let counts = count_all(&PATHS.iter().collect::<Vec<_>>())?;
    for (name, count) in &counts {
        println!("{count:>10.2} {name}");
    }
    Baseline::new(conditions, counts).write()?;
    println!("written: {}", baseline::FILE);
    Ok(ExitCode::SUCCESS)
}

fn check() -> Result<ExitCode, String> {
    let baseline = Baseline::read()?;
    let differ = Conditions::now()?.differ_from(baseline.conditions());
    // Counted in any case: each path looks at its own results.
    let counts = count_all(&PATHS.iter().collect::<Vec<_>>())?;
    let (mut more, mut less) = (Vec::new(), Vec::new());
    println!("user-space instructions\n       now |   baseline |   change | path");
    for (name, now) in &counts {
        let Some(before) = baseline.count(name) else {
            println!("{now:>10.2} |          – |        – | {name}");
            more.push(format!("{name}: not in the baseline"));
            continue;
        };
        let change = baseline::change(before, *now);
        println!("{now:>10.2} | {before:>10.2} | {change:>+6.2} % | {name}");
        match baseline::verdict(before, *now) {
            Verdict::Same => {}
            Verdict::More => more.push(format!("{name}: {change:+.2} %")),
            Verdict::Less => less.push(format!("{name}: {change:+.2} %")),
        }
    }
    more.extend(baseline.names_beyond(&counts).map(|name| format!("{name}: no longer counted")));
    if let Some(differ) = differ {
        // What is counted at all does not depend on where.
        if counts.iter().any(|(name, _)| baseline.count(name).is_none())
            || baseline.names_beyond(&counts).next().is_some()
        {
            return Err("other paths than in the baseline: bash .ci/instructions update".to_owned());
        }
        println!("NOT COMPARED: {differ}");
        return Ok(ExitCode::from(NOT_COMPARED));
    }
    if !more.is_empty() {
        let lines = more.join("\n  ");
        return Err(format!(
            "not as in the baseline, or over {} % more:\n  {lines}\nIf that is meant: \
             bash .ci/instructions update, and say in the commit why",
            baseline::LIMIT_PERCENT
        ));
    }
    if !less.is_empty() {
        println!("less than before, to be kept by bash .ci/instructions update:");
        for line in less {
            println!("  {line}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts paths, as many at a time as there are cores: what runs beside them does not change a count.
fn count_all(paths: &[&'static Path]) -> Result<Vec<(&'static str, f64)>, String> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![None; paths.len()]));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(paths.len()) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let count = path.count().map_err(|error| format!("{}: {error}", path.name));
                    let at = paths.iter().position(|other| other.name == path.name);
                    // Whoever panicked has written nothing.
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results[at.expect("it is one of them")] = Some(count);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let counted = paths.iter().zip(results).map(|(path, count)| {
        // The scope does not end before all threads have, and passes their panics on.
        count.expect("each was counted").map(|count| (path.name, count))
    });
    counted.collect()
}
