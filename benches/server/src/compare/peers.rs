//! The servers of `benches/peers`: a workspace of its own, which is built when they are asked for. They
//! take the address as the bench server does, and say the same line when they are ready.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::stop::Stop;
use super::{Trouble, process, say};

/// How long building may take, with everything they depend on.
const PATIENCE: Duration = Duration::from_mins(30);

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) flags: &'static [&'static str],
    /// Whether it has a stream, besides `/plaintext`.
    pub(super) streams: bool,
}

/// Name, program, flags, and whether it has a stream.
pub(super) type Entry = (&'static str, &'static str, &'static [&'static str], bool);

const ALL: &[Entry] = &[
    ("actix", "actix", &[], true),
    ("axum", "axum", &[], true),
    ("bare", "bare", &[], true),
    ("hyper", "hyper", &[], false),
    ("may_minihttp", "may_minihttp", &[], false),
    ("ntex", "ntex", &[], false),
    ("ntex:epoll", "ntex", &["--epoll"], false),
];

/// Those of these names, or all where none is named.
///
/// # Errors
/// One line: there is none of that name.
pub(super) fn chosen(names: &[String]) -> Result<Vec<&'static Entry>, String> {
    if let Some(other) = names.iter().find(|name| ALL.iter().all(|entry| entry.0 != **name)) {
        let known: Vec<&str> = ALL.iter().map(|entry| entry.0).collect();
        return Err(format!("--peers: {other} is none of {}", known.join(", ")));
    }
    let is_chosen = |entry: &&Entry| names.is_empty() || names.iter().any(|name| name == entry.0);
    Ok(ALL.iter().filter(is_chosen).collect())
}

/// Builds these.
///
/// # Errors
/// One line: they are not there, or cannot be built.
pub(super) fn build(chosen: &[&Entry], stop: &Stop) -> Result<Vec<Peer>, Trouble> {
    let manifest = find().ok_or_else(|| {
        Trouble::Failed(
            "--peers: benches/peers/Cargo.toml is not here: run this in the repository".to_owned(),
        )
    })?;
    say::line(format_args!("building {} …", manifest.display()));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let directory = manifest.with_file_name("target");
    command
        .args(["build", "--release", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&directory);
    for (_, program, ..) in chosen {
        command.args(["--bin", program]);
    }
    let said = process::run(&mut command, None, PATIENCE, stop)?;
    if !said.status.success() {
        let reason =
            said.errors.lines().find(|line| line.starts_with("error")).unwrap_or("no reason");
        return Err(Trouble::Failed(format!("--peers: cargo cannot build them: {reason}")));
    }
    let peer = |&(name, program, flags, streams): &Entry| Peer {
        name,
        program: directory.join("release").join(program),
        flags,
        streams,
    };
    Ok(chosen.iter().copied().map(peer).collect())
}

/// Beside this package, or below the current directory.
fn find() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/Cargo.toml");
    let places = [beside, PathBuf::from("benches/peers/Cargo.toml")];
    places.into_iter().find_map(|path| path.canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_or_all_take_part_and_others_are_unknown() {
        let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen(&[]).unwrap().len(), ALL.len());
        let two = chosen(&names(&["bare", "actix"])).unwrap();
        assert_eq!(two.iter().map(|entry| entry.0).collect::<Vec<_>>(), ["actix", "bare"]);
        assert!(chosen(&names(&["bare", "nginx"])).unwrap_err().contains("nginx is none of actix"));
    }
}
