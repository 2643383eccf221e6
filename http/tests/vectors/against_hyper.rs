//! The same bytes to this crate and to hyper: where they disagree, `differences.txt` names the
//! sentence that decides. A difference that is not listed fails, and so does a listed one that no
//! longer occurs.
//!
//! It runs over all rows of `table`, and over a corpus from elsewhere if `HTTP_CORPUS` names one: a
//! file of one JSON object per line, with `suite`, `name`, and the bytes in base64 as `b64`.

use crate::common::{Seen, transcript};
use crate::peer::{Ending, Reading, hyper_reads};
use crate::table;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use headwater_http::{Limits, ParseError};
use std::collections::{BTreeMap, BTreeSet};

/// A list of differences that one sentence decides.
struct Decided {
    /// Section and quotation, for messages.
    sentence: String,
    /// What this crate does: an error, `serves`, or `waits` for more.
    here: String,
}

#[test]
fn every_difference_from_hyper_is_decided_by_a_sentence_of_the_rfc() {
    let rows = table::all().map(|row| (format!("row {}", row.name), row.input.as_bytes().to_vec()));
    compare("row ", "the table", rows);
    match std::env::var_os("HTTP_CORPUS") {
        Some(path) => {
            let text = std::fs::read_to_string(&path).expect("the corpus that HTTP_CORPUS names");
            compare("corpus ", "the corpus", corpus(&text).into_iter());
        }
        None => println!("no corpus: HTTP_CORPUS is not set"),
    }
}

/// Compares all `inputs`, and their differences with those listed whose names begin with `kind`.
fn compare(kind: &str, title: &str, inputs: impl Iterator<Item = (String, Vec<u8>)>) {
    let listed = listed();
    let mut unseen: BTreeSet<_> = listed.keys().filter(|name| name.starts_with(kind)).collect();
    let (mut count, mut differing, mut wrong) = (0, 0, Vec::new());
    for (name, input) in inputs {
        count += 1;
        let (here, hyper, error) = readings(&input);
        if here == hyper {
            continue;
        }
        differing += 1;
        let does = match (error, here.end) {
            (Some(error), _) => format!("{error:?}"),
            (None, Ending::Cut) => "waits".to_owned(),
            (None, _) => "serves".to_owned(),
        };
        match listed.get(&name) {
            Some(decided) if decided.here == does => {}
            Some(decided) => wrong.push(format!("{does}, against {}: {name}", decided.sentence)),
            None => wrong.push(format!("not listed: {name}: {does} {here:?}, hyper {hyper:?}")),
        }
        unseen.remove(&name);
    }
    wrong.extend(unseen.iter().map(|name| format!("listed, but no difference: {name}")));
    println!("{title}: {count} inputs, {differing} read differently by hyper");
    assert!(count > 0, "{title} is empty");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What both make of `input` and the end of the stream, and why this crate refuses it if it does.
fn readings(input: &[u8]) -> (Reading, Reading, Option<ParseError>) {
    let mut here = Reading { requests: Vec::new(), end: Ending::Clean };
    let mut why = None;
    for seen in transcript(&Limits::default(), &[input], true) {
        match seen {
            Seen::Request { method, body, complete: true, .. } => {
                here.requests.push((method, body));
            }
            Seen::Request { .. } | Seen::Closed => {}
            Seen::Refused(ParseError::Incomplete) => here.end = Ending::Cut,
            Seen::Refused(error) => {
                here.end = Ending::Refused;
                why = Some(error);
            }
        }
    }
    (here, hyper_reads(input), why)
}

/// The differences of `differences.txt`, by name.
fn listed() -> BTreeMap<String, Decided> {
    let mut listed = BTreeMap::new();
    let (mut section, mut quote, mut here) = ("", "", "");
    for line in include_str!("differences.txt").lines() {
        if let Some(rest) = line.strip_prefix("== ") {
            (section, quote, here) = (rest, "", "");
        } else if line.starts_with('"') {
            quote = line;
        } else if let Some(rest) = line.strip_prefix("here: ") {
            here = rest;
        } else if line.starts_with("row ") || line.starts_with("corpus ") {
            assert!(!section.is_empty() && !quote.is_empty() && !here.is_empty(), "{line}");
            let decided = Decided { sentence: format!("{section} {quote}"), here: here.to_owned() };
            assert!(listed.insert(line.to_owned(), decided).is_none(), "listed twice: {line}");
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "no line of this list: {line}");
        }
    }
    listed
}

/// The inputs of a corpus. A name that comes again is numbered.
fn corpus(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut times = BTreeMap::new();
    let vector = |line: &str| {
        let fields: serde_json::Value = serde_json::from_str(line).expect("a JSON object");
        let field = |name: &str| fields[name].as_str().expect("a string").to_owned();
        let name = format!("corpus {}: {}", field("suite"), field("name"));
        let again = times.entry(name.clone()).or_insert(0);
        *again += 1;
        let name = if *again == 1 { name } else { format!("{name} ({again})") };
        (name, STANDARD.decode(field("b64")).expect("base64"))
    };
    text.lines().map(vector).collect()
}
