//! Shows how far a run is: a bar on a terminal, plain lines where standard error is a pipe, nothing
//! beside a JSON report in a pipe. Measures nothing.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

/// How far a run is.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines,
    Silent,
}

impl Progress {
    /// Fit for what standard error is.
    pub(crate) fn new(json: bool) -> Self {
        if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg:<44} {bar:30} {percent:>3} %")
                .expect("the template is a constant and valid");
            return Self::Bar(ProgressBar::new(1).with_style(style));
        }
        if json { Self::Silent } else { Self::Lines }
    }

    /// Something begins that is over at `length`.
    pub(crate) fn begin(&self, what: &str, length: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(what.to_owned());
                bar.set_length(length.max(1));
                bar.set_position(0);
            }
            Self::Lines => {
                let mut line = String::new();
                // Written at once; whoever closed the pipe wants no more of it.
                let _ = writeln!(line, "{what} …");
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
            Self::Silent => {}
        }
    }

    /// It is that far.
    pub(crate) fn at(&self, position: u64) {
        if let Self::Bar(bar) = self {
            bar.set_position(position);
        }
    }

    /// All is over: the bar leaves its line to the report.
    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
