//! What can go wrong around a comparison: where it writes, who reads what it says, how its servers are
//! called, and what the programs do that take part.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Comparison, engines};

/// How long a program may take to be started. Only failures take that long.
const PATIENCE: Duration = Duration::from_mins(3);

/// A short comparison that counts instructions, as a quick one does not.
const COUNTED: &str = "--seconds 0.2 --only json";

/// One line and code 2, before anybody is asked or built.
#[test]
fn a_name_that_is_taken_is_refused_before_anything_is_built() {
    // Nobody listens there: that is seen later.
    for (words, name) in [
        ("--peers=bare --against http://127.0.0.1:1=bare", "bare"),
        ("--peers --against http://127.0.0.1:1=std", "std"),
        ("--against http://127.0.0.1:1=mine --against http://127.0.0.1:1=mine", "mine"),
    ] {
        let ended = Comparison::start(words).wait();
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{words}: {}", ended.errors);
        let line = format!("bench-server: two servers are called {name} (see --help)\n");
        assert_eq!(ended.errors, line, "{words}");
    }
}

#[test]
fn a_refused_name_does_nothing_to_the_terminal() {
    for name in ["\u{1b}[2J", "bell\u{7}", "\u{9b}2J"] {
        let ended = Comparison::start(&format!("--against http://127.0.0.1:1={name}")).wait();
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.errors);
        assert!(ended.errors.contains("a name has no control characters"), "{}", ended.errors);
        let line = ended.errors.strip_suffix('\n').expect("a line");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

/// A directory of a test's own; removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("headwater-compare-faults-{}-{number}", std::process::id());
        let directory = Self(std::env::temp_dir().join(name));
        fs::create_dir(&directory.0).expect("temporary files can be written");
        directory
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nothing else is left by a test.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A short comparison that writes there, with standard output and standard error in these.
fn compare(out: &Path, [said, errors]: [Stdio; 2]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-server"))
        .args("compare --quick --seconds 0.2 --only plaintext-at --out".split(' '))
        .arg(out)
        .stdin(Stdio::null())
        .stdout(said)
        .stderr(errors)
        .output()
        .expect("the bench server can be started")
}

/// Where nothing fits.
fn full() -> Stdio {
    fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it").into()
}

/// A pipe whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn where_nothing_can_be_written_nothing_is_measured() {
    let directory = Directory::new();
    let file = directory.join("file");
    fs::write(&file, "mine").expect("temporary files can be written");
    let ended = compare(&file.join("below"), [Stdio::piped(), Stdio::piped()]);
    let errors = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    assert!(ended.stdout.is_empty());
    // There would be a line for each slice.
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("bench-server: --out: ") && errors.contains("/file"), "{errors}");
    assert_eq!(fs::read_to_string(&file).expect("it stays"), "mine");
}

#[test]
fn what_cannot_be_written_in_the_end_is_shown_nevertheless() {
    let directory = Directory::new();
    // A file cannot take the place of a directory.
    fs::create_dir(directory.join("report.json")).expect("temporary files can be written");
    let ended = compare(&directory.0, [Stdio::piped(), Stdio::piped()]);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let (out, errors) = (text(ended.stdout), text(ended.stderr));
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    assert!(out.lines().any(|line| line.starts_with("| Scenario")), "{out}");
    let last = errors.lines().last().expect("a line");
    assert!(last.starts_with("bench-server: ") && last.contains("report.json"), "{errors}");
    assert!(!errors.contains("all figures"), "{errors}");
    assert!(directory.join("report.html").exists());
    assert!(!directory.join("report.new").exists());
}

#[test]
fn readers_that_have_gone_are_no_failure() {
    let directory = Directory::new();
    let ended = compare(&directory.0, [closed(), closed()]);
    assert_eq!(ended.status.code(), Some(0));
    assert!(directory.join("report.json").exists());
}

#[test]
fn a_table_that_does_not_fit_where_it_goes_is_a_failure() {
    let directory = Directory::new();
    let ended = compare(&directory.0, [full(), Stdio::piped()]);
    let errors = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    let last = errors.lines().last().expect("a line");
    assert!(last.starts_with("bench-server: standard output: "), "{errors}");
    assert!(directory.join("report.json").exists());
    let ended = compare(&directory.0, [Stdio::piped(), full()]);
    assert_eq!(ended.status.code(), Some(0), "what it complains about is nowhere to be read");
}

/// A program of this name that does these lines of shell, to be found before any other.
fn program(directory: &Directory, name: &str, does: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{does}\n")).expect("temporary files can be written");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&path, executable).expect("it is a file of this test");
}

/// Interrupts a comparison once this file is there; gives what stands in it.
fn interrupted_after(file: &Path, comparison: Comparison) -> String {
    let begin = Instant::now();
    let said = loop {
        match fs::read_to_string(file) {
            Ok(said) => break said,
            Err(error) => assert!(begin.elapsed() < PATIENCE, "{error}"),
        }
        assert!(!comparison.has_ended(), "{}", comparison.wait().errors);
        thread::sleep(Duration::from_millis(5));
    };
    comparison.signal("INT");
    // It sees that nobody of the family is left.
    let ended = comparison.wait();
    assert_eq!((ended.code, ended.report), (Some(130), None), "{}", ended.errors);
    said
}

#[test]
fn a_program_that_does_not_say_its_version_can_be_interrupted() {
    for name in ["wrk", "valgrind"] {
        let directory = Directory::new();
        let asked = directory.join("asked");
        program(&directory, name, &format!("touch '{}'; exec sleep 600", asked.display()));
        interrupted_after(&asked, Comparison::start_before(COUNTED, &directory.0));
    }
}

#[test]
fn why_instructions_were_not_counted_is_told_once() {
    let directory = Directory::new();
    let does =
        "[ \"$1\" = --version ] && exec echo valgrind-3\necho \"==$$== no luck\" >&2; exit 1";
    program(&directory, "valgrind", does);
    let ended = Comparison::start_before(COUNTED, &directory.0).wait();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let report = ended.report.expect("a report");
    let warnings = report["warnings"].as_array().expect("warnings").iter();
    let counts = |line: &&str| line.starts_with("instructions of ");
    let warnings: Vec<&str> = warnings.filter_map(|line| line.as_str()).filter(counts).collect();
    let what: Vec<String> = engines().into_iter().map(|name| format!("json of {name}")).collect();
    let reason = "were not counted: it does not start: no luck";
    assert_eq!(warnings, [format!("instructions of {} {reason}", what.join(", "))]);
}

#[test]
fn an_interrupt_while_instructions_are_counted_leaves_no_file() {
    let directory = Directory::new();
    let asked = directory.join("asked");
    let does = format!(
        "[ \"$1\" = --version ] && exec echo valgrind-3\n\
         out=${{2#--callgrind-out-file=}}; echo >\"$out\"\n\
         printf %s \"$out\" >'{0}.new' && mv '{0}.new' '{0}'; exec sleep 600",
        asked.display()
    );
    program(&directory, "valgrind", &does);
    let out = interrupted_after(&asked, Comparison::start_before(COUNTED, &directory.0));
    assert!(!Path::new(&out).exists(), "{out}");
}
