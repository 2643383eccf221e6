//! Requests as bytes, each with the rule that it is about and what must come of it. One row is one
//! test, named by its sentence; the rows are also the material of the random splits, of the
//! comparison with hyper, and of the seeds in `fuzz/`. Runs nothing.
//!
//! A row reads `name, "rule": form "text" => ["served", …] end;` where the form says what is put
//! around the text:
//!
//! | form | the request |
//! |---|---|
//! | `raw` | the text as it is |
//! | `start` | the text as request line, then a Host field |
//! | `field` | a POST with a Host field and the text as further lines |
//! | `chunks` | a POST with a chunked body, which is the text |
//!
//! A served request reads `METHOD target body`; one that was told but never completed ends in `...`.

use headwater_http::ParseError;

/// One row.
#[derive(Debug)]
pub(crate) struct Vector {
    /// The sentence that it proves, as its test is named.
    pub(crate) name: &'static str,
    /// Where the rule stands.
    #[allow(dead_code, reason = "for readers, and for messages of failure")]
    pub(crate) rule: &'static str,
    pub(crate) input: &'static str,
    /// What is told of each request, in order.
    pub(crate) served: &'static [&'static str],
    pub(crate) end: End,
}

/// What a connection has come to when all bytes of a row are in and every request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It waits for the next request.
    Waits,
    /// It waits for the rest of this one.
    Partial,
    /// It has closed, because the last request was.
    Closes,
    /// It refused something.
    Refuses(ParseError),
}

/// What stands around a row's text.
macro_rules! input {
    (raw $text:literal) => {
        $text
    };
    (start $text:literal) => {
        concat!($text, "\r\nHost: h\r\n\r\n")
    };
    (field $text:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: h\r\n", $text, "\r\n\r\n")
    };
    (chunks $text:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", $text)
    };
}

/// Makes a table of rows, and a test of each.
macro_rules! table {
    ($($name:ident, $rule:literal: $form:ident $text:literal => [$($served:literal),*] $end:expr;)*) => {
        use crate::table::{End::{self, *}, Vector};
        use headwater_http::ParseError as E;

        pub(super) const ROWS: &[Vector] = &[$(Vector {
            name: stringify!($name),
            rule: $rule,
            input: crate::table::input!($form $text),
            served: &[$($served),*],
            end: {
                const END: End = $end;
                END
            },
        }),*];

        #[cfg(test)]
        mod each {
            $(#[test] fn $name() { crate::check(stringify!($name), super::ROWS); })*
        }
    };
}
pub(crate) use {input, table};

mod chunks;
mod fields;
mod host;
mod length;
mod persistence;
mod request_line;
mod target;

/// All rows of all tables.
pub(crate) fn all() -> impl Iterator<Item = &'static Vector> {
    [
        request_line::ROWS,
        target::ROWS,
        fields::ROWS,
        host::ROWS,
        length::ROWS,
        chunks::ROWS,
        persistence::ROWS,
    ]
    .into_iter()
    .flatten()
}
