//! The decoder of these tests against streams that others have agreed on, from `streams.txt`, whole and cut
//! at every byte.

use super::decoder::{Message, decode_cut};

/// One stream of the file.
#[derive(Default)]
struct Case {
    name: String,
    stream: String,
    messages: Vec<Message>,
}

/// Reads the next quoted text off a line.
fn quoted(line: &mut &str) -> String {
    let mut text = String::new();
    let mut chars = line.trim_start().strip_prefix('"').expect("a quote").chars();
    loop {
        match chars.next().expect("a closing quote") {
            '"' => break,
            '\\' => text.push(match chars.next().expect("an escape") {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let digits: String = chars.by_ref().take_while(|&c| c != '}').skip(1).collect();
                    let code = u32::from_str_radix(&digits, 16).expect("hexadecimal digits");
                    char::from_u32(code).expect("a character")
                }
                other => other,
            }),
            other => text.push(other),
        }
    }
    *line = chars.as_str();
    text
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let lines = include_str!("streams.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, mut rest) = line.split_once(' ').expect("a word and more");
        if word == "stream" {
            cases.push(Case { name: rest.to_owned(), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a stream comes first");
        let first = quoted(&mut rest);
        match word {
            "<" => {
                let times =
                    rest.trim().strip_prefix('*').map_or(1, |n| n.parse().expect("a number"));
                case.stream.push_str(&first.repeat(times));
            }
            ">" => {
                let (last_id, data) = (quoted(&mut rest), quoted(&mut rest));
                case.messages.push(Message { name: first, data, last_id });
            }
            other => panic!("no line of the file begins with {other:?}"),
        }
    }
    cases
}

#[test]
fn decoder_recovers_what_web_platform_tests_say() {
    let cases = cases();
    assert_eq!(cases.len(), 21);
    for Case { name, stream, messages } in cases {
        assert!(!messages.is_empty(), "{name}");
        assert_eq!(decode_cut(stream.as_bytes()).messages, messages, "{name}");
    }
}
