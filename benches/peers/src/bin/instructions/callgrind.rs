//! One run of a server under callgrind. What is asked of it meanwhile is the caller's business.

use std::path::Path;

use headwater_peers::kind::Kind;
use headwater_peers::server::Server;

/// Runs the server under callgrind on core 0 while `load` asks things of it; gives how many
/// instructions it took in user space, and what the load gave.
pub(crate) fn run<T>(
    kind: &Kind,
    bench_server: &Path,
    load: impl FnOnce(&Server) -> Result<T, String>,
) -> Result<(f64, T), String> {
    let out = std::env::temp_dir().join(format!("headwater-callgrind-{}", std::process::id()));
    let out_flag = format!("--callgrind-out-file={}", out.display());
    let callgrind = ["valgrind", "--tool=callgrind", &out_flag];
    let server = Server::start(kind, bench_server, 0, &callgrind)?;
    let gave = load(&server);
    let said = server.stop().map_err(|error| format!("{kind}: {error}"))?;
    // Only the count is of interest, not where it comes from.
    std::fs::remove_file(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    Ok((collected(&said)?, gave?))
}

/// The count in what callgrind says at the end.
fn collected(said: &str) -> Result<f64, String> {
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("callgrind gave no count: {}", said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Callgrind, a call-graph profiler\n==7== Events    : Ir\n\
                    ==7== Collected : 123456\n";
        assert_eq!(collected(said), Ok(123_456.0));
        assert!(collected("==7== killed\n").is_err());
    }
}
