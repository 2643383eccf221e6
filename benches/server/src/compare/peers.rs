//! The servers of `benches/peers`: a workspace of its own, which is built when they are asked for. They
//! take the address as the bench server does, and say the same line when they are ready.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::stop::Stop;
use super::{Trouble, process};

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
const ALL: &[(&str, &str, &[&str], bool)] = &[
    ("actix", "actix", &[], true),
    ("axum", "axum", &[], true),
    ("bare", "bare", &[], true),
    ("hyper", "hyper", &[], false),
    ("may_minihttp", "may_minihttp", &[], false),
    ("ntex", "ntex", &[], false),
    ("ntex:epoll", "ntex", &["--epoll"], false),
];

/// Builds them.
///
/// # Errors
/// One line: they are not there, or cannot be built.
pub(super) fn build(stop: &Stop) -> Result<Vec<Peer>, Trouble> {
    let manifest = find().ok_or_else(|| {
        Trouble::Failed(
            "--peers: benches/peers/Cargo.toml is not here: run this in the repository".to_owned(),
        )
    })?;
    eprintln!("building {} …", manifest.display());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let directory = manifest.with_file_name("target");
    command
        .args(["build", "--release", "--bins", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&directory);
    let said = process::run(&mut command, None, PATIENCE, stop)?;
    if !said.status.success() {
        let reason =
            said.errors.lines().find(|line| line.starts_with("error")).unwrap_or("no reason");
        return Err(Trouble::Failed(format!("--peers: cargo cannot build them: {reason}")));
    }
    let peer = |&(name, program, flags, streams): &(&'static str, &str, _, bool)| Peer {
        name,
        program: directory.join("release").join(program),
        flags,
        streams,
    };
    Ok(ALL.iter().map(peer).collect())
}

/// Beside this package, or below the current directory.
fn find() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/Cargo.toml");
    let places = [beside, PathBuf::from("benches/peers/Cargo.toml")];
    places.into_iter().find_map(|path| path.canonicalize().ok())
}
