//! What can go wrong around a comparison: where it writes, who reads what it says, how its servers are
//! called.

use crate::run::Comparison;

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
