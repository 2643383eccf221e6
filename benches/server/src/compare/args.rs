//! What a comparison is asked for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::plan::Plan;
use super::scenarios;
use crate::cli::values;

/// What a comparison is asked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArgs {
    /// Fewer scenarios, and shorter: under two minutes for three engines
    #[arg(long)]
    pub(crate) quick: bool,

    /// Another server, which runs already and has /events and /publish; may be said again
    #[arg(long, value_name = "URL=NAME", value_parser = against)]
    pub(crate) against: Vec<Against>,

    /// The servers of benches/peers too, or some of them, such as --peers=actix,bare; they are built first
    #[arg(
        long,
        value_name = "NAME,…",
        num_args = 0..,
        require_equals = true,
        value_delimiter = ','
    )]
    pub(crate) peers: Option<Vec<String>>,

    /// These scenarios only, by their names or how those begin, such as fan-out
    #[arg(long, value_name = "SCENARIO,…", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// Where report.html and report.json go
    #[arg(long, value_name = "DIR", default_value = "target/compare")]
    pub(crate) out: PathBuf,

    /// Measured time of each slice, none of which is repeated: for tests of the comparison itself
    #[arg(long, hide = true, value_name = "SECONDS", value_parser = values::seconds)]
    pub(crate) seconds: Option<Duration>,
}

/// A server that runs already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Against {
    pub(crate) url: String,
    pub(crate) addr: SocketAddr,
    pub(crate) name: String,
}

impl CompareArgs {
    /// The scenarios that are asked for. One line if a name is of none of them.
    pub(super) fn plans(&self) -> Result<Vec<Plan>, String> {
        let all = scenarios::all(self.quick, self.seconds);
        let is_meant = |plan: &Plan, word: &str| {
            let rest = plan.scenario.id.strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if let Some(word) =
            self.only.iter().find(|word| !all.iter().any(|plan| is_meant(plan, word)))
        {
            let names: Vec<&str> = all.iter().map(|plan| plan.scenario.id.as_str()).collect();
            return Err(format!("--only {word} is none of {}", names.join(", ")));
        }
        let chosen =
            |plan: &Plan| self.only.is_empty() || self.only.iter().any(|word| is_meant(plan, word));
        Ok(all.into_iter().filter(chosen).collect())
    }
}

fn against(text: &str) -> Result<Against, String> {
    const EXPECTED: &str = "expected http://HOST:PORT=NAME";
    let (url, name) = text.rsplit_once('=').ok_or(EXPECTED)?;
    let host = url.strip_prefix("http://").ok_or(EXPECTED)?.trim_end_matches('/');
    if name.is_empty() || host.contains('/') {
        return Err(EXPECTED.to_owned());
    }
    // It stands in tables on a terminal.
    if name.contains(char::is_control) {
        return Err("a name has no control characters".to_owned());
    }
    Ok(Against { url: url.to_owned(), addr: values::address(host)?, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_to_compare_with_is_a_url_and_a_name() {
        let given = against("http://127.0.0.1:7/=mine").unwrap();
        assert_eq!((given.name.as_str(), given.addr), ("mine", "127.0.0.1:7".parse().unwrap()));
        for wrong in ["127.0.0.1:7=mine", "http://127.0.0.1:7", "http://127.0.0.1:7=", "=", ""] {
            assert!(against(wrong).is_err(), "{wrong}");
        }
        assert!(against("http://127.0.0.1:7/events=mine").is_err());
        assert!(against("http://127.0.0.1=mine").is_err());
    }

    #[test]
    fn a_name_that_would_do_something_to_a_terminal_is_refused() {
        for name in ["\u{1b}[2J", "bell\u{7}", "two\nlines", "\u{9b}2J", "\u{7f}"] {
            let refused = against(&format!("http://127.0.0.1:7={name}")).unwrap_err();
            assert_eq!(refused, "a name has no control characters", "{name:?}");
        }
        assert_eq!(against("http://127.0.0.1:7=größer 2").unwrap().name, "größer 2");
    }
}
