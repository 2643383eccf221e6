//! What a count depends on besides the code that is counted: the compiler and how it was told to build,
//! the C library, whose copying is counted, too, valgrind, and the processor that valgrind shows, by
//! which libc and some crates choose among their functions. What the real processor has beyond that,
//! and what the environment says, does not come through.

use crate::callgrind;
use serde_json::{Map, Value};
use std::process::Command;

/// Names and values, as the baseline has them.
pub(crate) struct Conditions(Map<String, Value>);

impl Conditions {
    /// Those of this run.
    pub(crate) fn now() -> Result<Self, String> {
        if cfg!(debug_assertions) {
            return Err("only a build with --release is worth counting".to_owned());
        }
        let all = [
            ("rustc", env!("BUILT_RUSTC").to_owned()),
            ("build", env!("BUILT_HOW").to_owned()),
            ("libc", said("getconf", "GNU_LIBC_VERSION")?),
            ("valgrind", said("valgrind", "--version")?),
            ("cpu", callgrind::say(callgrind::SAY_CPU)?),
        ];
        let all = all.map(|(name, value)| (name.to_owned(), Value::from(value)));
        Ok(Self(all.into_iter().collect()))
    }

    /// Those that were written.
    pub(crate) fn read(written: &Value) -> Option<Self> {
        written.as_object().cloned().map(Self)
    }

    /// As the baseline has them.
    pub(crate) fn written(&self) -> Value {
        self.0.clone().into()
    }

    /// In a line, what is not as there.
    pub(crate) fn differ_from(&self, other: &Self) -> Option<String> {
        let differs = |(name, now): &(&String, &Value)| other.0.get(*name) != Some(now);
        let lines = self.0.iter().filter(differs).map(|(name, now)| {
            let other = other.0.get(name).unwrap_or(&Value::Null);
            format!("{name} is {now}, the baseline's {other}")
        });
        let lines: Vec<String> = lines.collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

/// A baseline is made with the compiler that `Cargo.toml` names, which everybody can have.
pub(crate) fn refuse_another_compiler() -> Result<(), String> {
    let (named, rustc) = (env!("CARGO_PKG_RUST_VERSION"), env!("BUILT_RUSTC"));
    if rustc.starts_with(&format!("rustc {named}.")) {
        return Ok(());
    }
    Err(format!("a baseline is made with rustc {named}, and this is {rustc}"))
}

/// What of the processor this process sees decides between functions.
pub(crate) fn cpu() -> String {
    let mut cpu = std::env::consts::ARCH.to_owned();
    #[cfg(target_arch = "x86_64")]
    for (name, seen) in [
        ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ] {
        if seen {
            cpu += " ";
            cpu += name;
        }
    }
    cpu
}

fn said(program: &str, word: &str) -> Result<String, String> {
    let output = Command::new(program).arg(word).output();
    let output = output.map_err(|error| format!("{program} does not run: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_condition_that_differs_is_named_with_both_values() {
        let read = |value: Value| Conditions::read(&value).expect("an object");
        let (one, same) = (read(json!({"a": "1", "b": "2"})), read(json!({"b": "2", "a": "1"})));
        assert_eq!(one.differ_from(&same), None);
        let differ = one.differ_from(&read(json!({"a": "1", "b": "3"})));
        assert_eq!(differ.as_deref(), Some(r#"b is "2", the baseline's "3""#));
        let differ = one.differ_from(&read(json!({"a": "1"})));
        assert_eq!(differ.as_deref(), Some(r#"b is "2", the baseline's null"#));
    }
}
