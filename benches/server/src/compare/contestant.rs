//! Who takes part: every engine of this build, the peers and the servers that were named. How each is
//! started, and what it cannot be asked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use super::args::{Against, CompareArgs};
use super::cores::Pinned;
use super::model;
use super::model::ContestantKind;
use super::plan::{Needs, Plan};
use super::server::Server;
use super::stop::Stop;
use super::{Trouble, peers, probe};

/// A free port of loopback.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One server that takes part.
#[derive(Clone, Debug)]
pub(super) struct Contestant {
    pub(super) described: model::Contestant,
    start: Start,
    /// Why it cannot be asked anything.
    unfit: Option<String>,
}

#[derive(Clone, Debug)]
enum Start {
    /// This program, with this engine.
    Engine { program: PathBuf, name: String },
    /// A program of `benches/peers`.
    Peer { program: PathBuf, flags: &'static [&'static str], streams: bool },
    /// It runs.
    Running(SocketAddr),
}

/// Who is to take part besides the engines, as far as that is known before anything is built.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    peers: Option<Vec<&'static peers::Entry>>,
    against: &'a [Against],
}

impl<'a> Asked<'a> {
    /// Sees whether they have names of their own, and whether those that run can be reached.
    ///
    /// # Errors
    /// One line: who is meant is not clear, or cannot be compared.
    pub(super) fn of(args: &'a CompareArgs) -> Result<Self, Trouble> {
        let peers = args.peers.as_deref().map(peers::chosen).transpose();
        let peers = peers.map_err(Trouble::Usage)?;
        let engines = headwater::Engine::compiled();
        let names = engines.iter().map(ToString::to_string);
        let names = names.chain(peers.iter().flatten().map(|entry| entry.0.to_owned()));
        let names = names.chain(args.against.iter().map(|against| against.name.clone()));
        if let Some(twice) = first_twice(names.collect()) {
            return Err(Trouble::Usage(format!("two servers are called {twice}")));
        }
        for against in &args.against {
            reach(&against.url, against.addr)?;
        }
        Ok(Self { peers, against: &args.against })
    }
}

/// All of them; the first that is fit is what the others are compared with.
#[derive(Debug)]
pub(super) struct Contestants {
    /// This program.
    program: PathBuf,
    all: Vec<Contestant>,
}

impl Contestants {
    /// Builds those that were asked for, and finds out about each by starting it once.
    pub(super) fn gather(asked: &Asked<'_>, pinned: Pinned, stop: &Stop) -> Result<Self, Trouble> {
        let program = std::env::current_exe()
            .map_err(|error| format!("where this program is, is not known: {error}"))?;
        let mut all: Vec<Contestant> = headwater::Engine::compiled()
            .iter()
            .map(|engine| {
                Contestant::new(
                    engine.to_string(),
                    ContestantKind::Engine,
                    String::new(),
                    Start::Engine { program: program.clone(), name: engine.to_string() },
                )
            })
            .collect();
        if let Some(chosen) = &asked.peers {
            all.extend(peers::build(chosen, stop)?.into_iter().map(|peer| {
                let detail = "benches/peers".to_owned();
                let (program, flags, streams) = (peer.program, peer.flags, peer.streams);
                let start = Start::Peer { program, flags, streams };
                Contestant::new(peer.name.to_owned(), ContestantKind::Peer, detail, start)
            }));
        }
        all.extend(asked.against.iter().map(|against| {
            let (name, url) = (against.name.clone(), against.url.clone());
            Contestant::new(name, ContestantKind::Against, url, Start::Running(against.addr))
        }));
        for contestant in &mut all {
            contestant.look_at(pinned, stop)?;
        }
        Ok(Self { program, all })
    }

    /// This program, which is the engines and the load.
    pub(super) fn program(&self) -> PathBuf {
        self.program.clone()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Contestant> {
        self.all.iter()
    }

    /// As they stand in the report.
    pub(super) fn described(&self) -> Vec<model::Contestant> {
        self.all.iter().map(|contestant| contestant.described.clone()).collect()
    }

    /// What is to be known of them.
    pub(super) fn warnings(&self) -> Vec<String> {
        let unfit = |one: &Contestant| {
            one.unfit
                .as_ref()
                .map(|reason| format!("{} takes no part: {reason}", one.described.name))
        };
        let runs = |one: &Contestant| {
            matches!(one.start, Start::Running(_)).then(|| {
                format!(
                    "{} runs already: it is neither pinned to the server's core nor fresh for each slice, and \
                     may have more threads than one",
                    one.described.name
                )
            })
        };
        self.all.iter().filter_map(unfit).chain(self.all.iter().filter_map(runs)).collect()
    }
}

impl Contestant {
    fn new(name: String, kind: ContestantKind, detail: String, start: Start) -> Self {
        Self { described: model::Contestant { name, kind, detail }, start, unfit: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.described.name
    }

    /// Whether it can be asked anything.
    pub(super) fn is_fit(&self) -> bool {
        self.unfit.is_none()
    }

    /// Why it cannot be asked this, if so.
    pub(super) fn refuses(&self, plan: &Plan) -> Option<String> {
        let has = match &self.start {
            Start::Engine { .. } => true,
            Start::Peer { streams, .. } => match plan.needs {
                Needs::Plaintext => true,
                Needs::Events | Needs::Process => *streams,
                Needs::Json | Needs::Ticks | Needs::Store => false,
            },
            Start::Running(_) => plan.needs == Needs::Events,
        };
        let needs = match (&self.start, plan.needs) {
            // Its process can be seen: what it lacks is the rest.
            (Start::Peer { .. }, Needs::Process) => Needs::Events,
            (_, needs) => needs,
        };
        let lacks = || {
            (!has).then(|| match self.start {
                // It may have it: nobody looked.
                Start::Running(_) => "this is not asked of a server that runs already".to_owned(),
                _ => format!("no {}", needs.name()),
            })
        };
        self.unfit.clone().or_else(lacks)
    }

    /// A fresh server with these flags, where they are its own.
    pub(super) fn start(
        &self,
        flags: &[String],
        core: Option<usize>,
        stop: &Stop,
    ) -> Result<Server, Trouble> {
        match self.command(&[], flags, ANY_PORT) {
            Some(mut command) => Server::start(&mut command, core, stop),
            None => self.running(),
        }
    }

    fn running(&self) -> Result<Server, Trouble> {
        match self.start {
            Start::Running(addr) => Ok(Server::that_runs(addr)),
            _ => Err(Trouble::Failed("it has no command".to_owned())),
        }
    }

    /// What starts it to listen there, run by another program if there are words for that.
    pub(super) fn command(
        &self,
        under: &[String],
        flags: &[String],
        addr: SocketAddr,
    ) -> Option<Command> {
        let (program, own): (&PathBuf, Vec<String>) = match &self.start {
            Start::Engine { program, name } => {
                let fixed = ["--engine", name, "--workers", "1", "--rate", "0"];
                let words = fixed.iter().map(|word| (*word).to_owned());
                (program, words.chain(flags.iter().cloned()).collect())
            }
            Start::Peer { program, flags, .. } => {
                (program, flags.iter().map(|word| (*word).to_owned()).collect())
            }
            Start::Running(_) => return None,
        };
        let mut command = match under.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(own).args(["--addr", &addr.to_string()]);
        Some(command)
    }

    /// Sees whether it starts, and what it says of itself.
    fn look_at(&mut self, pinned: Pinned, stop: &Stop) -> Result<(), Trouble> {
        let core = pinned.map(|(server, _)| server);
        match self.start(&[], core, stop) {
            Ok(server) if matches!(self.start, Start::Engine { .. }) => {
                self.described.detail = own_words(server.addr).unwrap_or_default();
            }
            Ok(_) => {}
            Err(Trouble::Failed(reason)) => self.unfit = Some(reason),
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }
}

/// Why this engine, by what `/info` says.
fn own_words(addr: SocketAddr) -> Option<String> {
    let (_, info) = probe::get(addr, "/info").ok()?;
    let info: serde_json::Value = serde_json::from_str(&info).ok()?;
    info["why"].as_str().map(str::to_owned)
}

/// Whether there is such a server, with a stream.
fn reach(url: &str, addr: SocketAddr) -> Result<(), Trouble> {
    match probe::status(addr, "/events") {
        Ok(200) => Ok(()),
        Ok(status) => {
            Err(Trouble::Usage(format!("--against {url}: /events was answered with {status}")))
        }
        Err(error) => Err(Trouble::Usage(format!("--against {url}: {error}"))),
    }
}

fn first_twice(mut names: Vec<String>) -> Option<String> {
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::scenarios;

    impl Contestants {
        /// Servers that run already, of these names, and whether each is fit.
        pub(in crate::compare) fn of_these(names: &[(&str, bool)]) -> Self {
            let one = |(name, fit): &(&str, bool)| Contestant {
                unfit: (!fit).then(|| "no luck".to_owned()),
                ..Contestant::new(
                    (*name).to_owned(),
                    ContestantKind::Against,
                    String::new(),
                    Start::Running(ANY_PORT),
                )
            };
            Self { program: PathBuf::new(), all: names.iter().map(one).collect() }
        }
    }

    #[test]
    fn of_a_server_that_runs_already_nothing_is_said_that_nobody_looked_at() {
        let contestants = Contestants::of_these(&[("other", true)]);
        let [warning] = &contestants.warnings()[..] else { panic!("{contestants:?}") };
        assert!(warning.starts_with("other runs already: it is neither pinned"), "{warning}");
        for plan in scenarios::all(true, None) {
            let refusal = contestants.all[0].refuses(&plan);
            if plan.needs == Needs::Events {
                assert_eq!(refusal, None, "{}", plan.scenario.id);
            } else {
                let said = "this is not asked of a server that runs already";
                assert_eq!(refusal.as_deref(), Some(said), "{}", plan.scenario.id);
            }
        }
    }
}
