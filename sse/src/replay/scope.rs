//! Whose events they are. Never says who may ask for a scope: the application authenticates.

use std::fmt::{self, Write};
use std::sync::Arc;

/// Whose events they are: each scope has a sequence of its own, and none sees another's.
///
/// A user and a topic of the same name are two scopes. Cloning does not allocate.
///
/// ```
/// use headwater_sse::replay::Scope;
///
/// assert_ne!(Scope::user("ada"), Scope::topic("ada"));
/// assert_eq!(Scope::user("ada").to_string(), "user/ada");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope(Kind);

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
enum Kind {
    #[default]
    Shared,
    User(Arc<str>),
    Session(Arc<str>),
    Topic(Arc<str>),
}

impl Scope {
    /// What is shared by all that use the store. The default.
    pub const fn shared() -> Self {
        Self(Kind::Shared)
    }

    /// The private events of a user.
    pub fn user(name: &str) -> Self {
        Self(Kind::User(name.into()))
    }

    /// The private events of a session.
    pub fn session(name: &str) -> Self {
        Self(Kind::Session(name.into()))
    }

    /// The events of a topic.
    pub fn topic(name: &str) -> Self {
        Self(Kind::Topic(name.into()))
    }

    fn parts(&self) -> Option<(&'static str, &str)> {
        match &self.0 {
            Kind::Shared => None,
            Kind::User(name) => Some(("user", name)),
            Kind::Session(name) => Some(("session", name)),
            Kind::Topic(name) => Some(("topic", name)),
        }
    }
}

/// Nothing for what is shared, otherwise the kind and the name, as they are in the keys of stores:
/// `/`, `%`, spaces and control characters as `%` and two hexadecimal digits. No two scopes print
/// alike.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((kind, name)) = self.parts() else { return Ok(()) };
        write!(f, "{kind}/")?;
        for c in name.chars() {
            match c {
                '/' | '%' | '\0'..=' ' | '\x7f' => write!(f, "%{:02X}", u32::from(c))?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_scopes_print_alike() {
        let names = ["", "a", "a/b", "a%2Fb", "a b", "a\nb", "a%", "%", "user/a", "é", "\u{7f}"];
        let kinds = [Scope::user, Scope::session, Scope::topic];
        let scopes = kinds.iter().flat_map(|kind| names.map(kind));
        let mut printed: Vec<_> =
            scopes.chain([Scope::shared()]).map(|scope| scope.to_string()).collect();
        let all = printed.len();
        printed.sort();
        printed.dedup();
        assert_eq!(printed.len(), all);
        let printable = |text: &String| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        assert!(printed.iter().all(printable), "{printed:?}");
    }
}
