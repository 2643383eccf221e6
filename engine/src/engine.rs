//! Names the engines, says which of them this build has, and picks one. Starts nothing: see `spawn`.

use std::{error, fmt, str::FromStr};

/// A way to talk to the kernel. All of them always have a name; which ones can be used depends on the
/// build ([`Engine::compiled`]) and on the machine ([`Engine::select`]).
///
/// ```
/// use headwater_engine::Engine;
///
/// // As from the command line: one that is named is never replaced by another.
/// let engine: Engine = "std".parse()?;
/// assert_eq!(engine.select()?.engine, Engine::Std);
/// // The best that works here, and why.
/// let best = Engine::Auto.select()?;
/// println!("{} ({})", best.engine, best.reason);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum Engine {
    /// The first of the others that passes its self-test, in the order in which they stand here.
    #[default]
    Auto,
    /// `io_uring`, Linux only.
    IoUring,
    /// Readiness: epoll on Linux, kqueue on macOS and the BSDs.
    Epoll,
    /// Blocking sockets and a thread per connection: works everywhere, scales to a few thousand.
    Std,
}

/// An engine that can be used here, and why it was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Selected {
    /// Never [`Engine::Auto`].
    pub engine: Engine,
    /// One line for people.
    pub reason: String,
}

/// The engine that was asked for cannot be used. Another one is never taken in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Unavailable {
    /// The one asked for.
    pub engine: Engine,
    /// One line for people.
    pub reason: String,
}

/// No engine has this name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseEngineError(String);

impl Engine {
    /// Best first.
    const ORDER: [Self; 3] = [Self::IoUring, Self::Epoll, Self::Std];

    /// The engines of this build, in the order in which [`Engine::Auto`] tries them.
    pub const fn compiled() -> &'static [Self] {
        &[
            #[cfg(all(feature = "io-uring", target_os = "linux"))]
            Self::IoUring,
            #[cfg(feature = "epoll")]
            Self::Epoll,
            Self::Std,
        ]
    }

    /// Tests the engine on this machine. [`Engine::Auto`] becomes the first one that works; any other
    /// stays what it is.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not part of this build, or fails its self-test.
    pub fn select(self) -> Result<Selected, Unavailable> {
        if self != Self::Auto {
            return match self.self_test() {
                Ok(()) => Ok(Selected { engine: self, reason: format!("{self}: chosen by name") }),
                Err(reason) => Err(Unavailable { engine: self, reason }),
            };
        }
        Self::first_of(&Self::ORDER, Vec::new())
    }

    /// What [`Engine::Auto`] becomes when `refused` passed its self-test and could not be started after
    /// all: the first of those behind it that works. `why` is one line.
    ///
    /// # Errors
    /// [`Unavailable`] when none of them does.
    pub fn fall_back(refused: Self, why: &dyn fmt::Display) -> Result<Selected, Unavailable> {
        let place = Self::ORDER.iter().position(|engine| *engine == refused);
        let left = place.map_or(&[][..], |place| &Self::ORDER[place + 1..]);
        Self::first_of(left, vec![format!("{refused} could not be started: {why}")])
    }

    fn first_of(engines: &[Self], mut refusals: Vec<String>) -> Result<Selected, Unavailable> {
        for &engine in engines {
            match engine.self_test() {
                Ok(()) => {
                    let mut reasons = vec![format!("{engine} passed its self-test")];
                    reasons.append(&mut refusals);
                    let reason = format!("auto: {}", reasons.join("; "));
                    return Ok(Selected { engine, reason });
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(Unavailable { engine: Self::Auto, reason: refusals.join("; ") })
    }

    fn self_test(self) -> Result<(), String> {
        if !Self::compiled().contains(&self) {
            return Err(format!("{self} is not part of this build"));
        }
        let tested = match self {
            #[cfg(all(feature = "io-uring", target_os = "linux"))]
            Self::IoUring => crate::uring::self_test(),
            #[cfg(feature = "epoll")]
            Self::Epoll => crate::epoll::self_test(),
            // Needs nothing but threads and sockets, which whoever binds a listener has.
            _ => Ok(()),
        };
        tested.map_err(|error: std::io::Error| format!("{self} failed its self-test: {error}"))
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::IoUring => "io_uring",
            Self::Epoll => "epoll",
            Self::Std => "std",
        })
    }
}

impl FromStr for Engine {
    type Err = ParseEngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "auto" => Ok(Self::Auto),
            "io_uring" => Ok(Self::IoUring),
            "epoll" => Ok(Self::Epoll),
            "std" => Ok(Self::Std),
            _ => Err(ParseEngineError(name.to_owned())),
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "engine {} cannot be used: {}", self.engine, self.reason)
    }
}

impl error::Error for Unavailable {}

impl fmt::Display for ParseEngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown engine {:?}: use auto, io_uring, epoll or std", self.0)
    }
}

impl error::Error for ParseEngineError {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for engine in [Engine::Auto, Engine::IoUring, Engine::Epoll, Engine::Std] {
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
        let error = "uring".parse::<Engine>().unwrap_err();
        assert!(error.to_string().contains("\"uring\""));
    }

    #[test]
    fn engine_that_is_not_built_is_refused_and_not_replaced() {
        for engine in [Engine::IoUring, Engine::Epoll, Engine::Std] {
            if !Engine::compiled().contains(&engine) {
                let refused = engine.select().unwrap_err();
                assert_eq!(refused.engine, engine);
                assert_eq!(refused.reason, format!("{engine} is not part of this build"));
            }
        }
    }

    #[test]
    fn every_compiled_engine_can_be_chosen_by_name() {
        for engine in Engine::compiled() {
            assert_eq!(engine.select().unwrap().engine, *engine);
        }
    }

    #[test]
    fn auto_takes_the_first_that_works_and_says_why() {
        let selected = Engine::default().select().unwrap();
        assert_eq!(Some(&selected.engine), Engine::compiled().first());
        let tried_before = [Engine::IoUring, Engine::Epoll].into_iter();
        let tried_before = tried_before.take_while(|engine| *engine != selected.engine);
        let refusals = tried_before.map(|engine| format!("; {engine} is not part of this build"));
        let passed = format!("auto: {} passed its self-test", selected.engine);
        let expected = passed + &refusals.collect::<String>();
        assert_eq!(selected.reason, expected);
    }

    #[test]
    fn engine_that_does_not_start_is_followed_by_the_next_and_said() {
        let next = Engine::compiled().iter().find(|engine| **engine != Engine::IoUring);
        let selected = Engine::fall_back(Engine::IoUring, &"no ring").unwrap();
        assert_eq!(Some(&selected.engine), next);
        assert!(selected.reason.starts_with("auto: ") && selected.reason.lines().count() == 1);
        assert!(selected.reason.contains("io_uring could not be started: no ring"));
        let none = Engine::fall_back(Engine::Std, &"no thread").unwrap_err();
        assert_eq!(none.reason, "std could not be started: no thread");
    }
}
