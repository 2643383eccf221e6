//! Tells the program which compiler built it, and how: counts of another one are not to be compared.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var("RUSTC").expect("cargo says which compiler it is");
    let said = Command::new(rustc).arg("--version").output().expect("the compiler runs");
    let version = String::from_utf8(said.stdout).expect("a version is text");
    let target = env::var("TARGET").expect("cargo says for what it builds");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\x1f', " ");
    let level = env::var("OPT_LEVEL").expect("cargo says how it builds");
    println!("cargo::rustc-env=BUILT_RUSTC={}", version.trim());
    println!("cargo::rustc-env=BUILT_HOW={}", format!("{target} -O{level} {flags}").trim());
    println!("cargo::rerun-if-changed=build.rs");
}
