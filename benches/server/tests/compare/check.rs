//! That another load generator checks the figures, by one that is not there: a script called `wrk`, found
//! before any other, which says what a test wants it to say.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Comparison, Ended};
use crate::{number, rows};

/// How long wrk may take to be started. Only failures take that long.
const PATIENCE: Duration = Duration::from_mins(3);

const WORDS: &str = "--quick --seconds 0.2 --only plaintext";

/// A directory with a `wrk` that does this; removed when dropped.
struct Fake(PathBuf);

impl Fake {
    /// Its words are left in a file, then it goes on with these lines of shell.
    fn that(does: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("headwater-compare-wrk-{}-{number}", std::process::id());
        let fake = Self(std::env::temp_dir().join(name));
        fs::create_dir(&fake.0).expect("temporary files can be written");
        let program = fake.0.join("wrk");
        let asked = fake.asked();
        let script = format!(
            "#!/bin/sh\n\
             if [ \"$1\" = -v ]; then echo 'wrk 4.1.0 [epoll] Copyright'; exit 1; fi\n\
             echo \"$@\" >'{0}.new' && mv '{0}.new' '{0}'\n\
             {does}\n",
            asked.display()
        );
        fs::write(&program, script).expect("temporary files can be written");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, executable).expect("it is a file of this test");
        fake
    }

    fn asked(&self) -> PathBuf {
        self.0.join("asked")
    }

    fn compare(&self) -> Ended {
        Comparison::start_before(WORDS, &self.0).wait()
    }

    /// The words that it was started with; none if it was not.
    fn words(&self) -> Option<Vec<String>> {
        let asked = fs::read_to_string(self.asked()).ok()?;
        Some(asked.split_whitespace().map(str::to_owned).collect())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // Nothing else is left by a test.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Whether the comparison had two cores: on one, nothing is checked.
fn has_cores(report: &Value) -> bool {
    !report["machine"]["pinned"].is_null()
}

#[test]
fn what_wrk_found_stands_beside_what_was_found() {
    let fake = Fake::that("echo 'totals 4000 480000 2000000 0 0 0 0 0'");
    let ended = fake.compare();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let report = ended.report.expect("a report");
    let rows = rows(&report, "plaintext");
    assert_eq!(
        rows.iter().filter(|row| !row["checked"].is_null()).count() == 1,
        has_cores(&report)
    );
    if !has_cores(&report) {
        assert_eq!(fake.words(), None);
        return;
    }
    let row = &rows[0];
    assert_eq!(row["checked"]["tool"], "wrk 4.1.0", "{row}");
    assert!((number(row, "/checked/throughput") - 2_000.0).abs() < 1e-9, "{row}");
    assert!(number(row, "/checked/cpu_nanos_per_event") >= 0.0, "{row}");
    for share in ["/checked/tool_core_share", "/checked/server_core_share"] {
        assert!((0.0..=1.0).contains(&number(row, share)), "{row}");
    }
    // It asked for nothing, and said that it was answered slowly. Others may use the machine, which is said.
    let line = "Checked with wrk 4.1.0: 0 of 1 figures agree within 10\u{a0}%; 1 differs";
    assert!(ended.out.lines().any(|one| one.starts_with(line)), "{}", ended.out);
    let words = fake.words().expect("it was started");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["-t1", "-c64", "-d1s", "-s", script, url, "--", "1"] = words[..] else {
        panic!("{words:?}")
    };
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/plaintext"), "{url}");
    assert!(!Path::new(script).exists(), "{script}");
}

#[test]
fn a_wrk_that_fails_is_a_warning_and_no_figure() {
    let fake = Fake::that("echo 'unable to connect' >&2; exit 1");
    let ended = fake.compare();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let report = ended.report.expect("a report");
    for row in rows(&report, "plaintext") {
        assert!(row["checked"].is_null() && row["failed"].is_null(), "{row}");
    }
    let reason = "it ended with exit status: 1: unable to connect";
    let warnings = report["warnings"].as_array().expect("warnings");
    let warned = warnings.iter().filter_map(Value::as_str).any(|warning| {
        warning.starts_with("wrk did not check plaintext of ") && warning.ends_with(reason)
    });
    assert_eq!(warned, has_cores(&report), "{warnings:?}");
    assert!(!ended.out.contains("Checked with"), "{}", ended.out);
}

#[test]
fn an_interrupt_ends_wrk_too_and_removes_its_script() {
    let fake = Fake::that("exec sleep 600");
    let comparison = Comparison::start_before(WORDS, &fake.0);
    let begin = Instant::now();
    let words = loop {
        if let Some(words) = fake.words() {
            break words;
        }
        if comparison.has_ended() {
            let report = comparison.wait().report.expect("a report");
            assert!(!has_cores(&report), "it was never started");
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "it was never started");
        thread::sleep(Duration::from_millis(5));
    };
    comparison.signal("INT");
    // It sees that nobody of the family is left.
    let ended = comparison.wait();
    assert_eq!((ended.code, ended.report), (Some(130), None), "{}", ended.errors);
    let script = words.get(4).unwrap_or_else(|| panic!("{words:?}"));
    assert!(!Path::new(script).exists(), "{script}");
}
