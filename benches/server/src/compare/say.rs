//! What is said on standard output and standard error, to readers that may leave at any time. What is
//! said is up to others.

use std::fmt::Display;
use std::io::{self, Write};

/// Says this on standard output, where it is what was asked for. A reader that has gone, as of
/// `compare | head`, has all that it wants.
///
/// # Errors
/// One line: it cannot be written there.
pub(super) fn result(text: &str) -> Result<(), String> {
    to(&mut io::stdout().lock(), text).map_err(|error| format!("standard output: {error}"))
}

/// Says a line on standard error.
pub(super) fn line(line: impl Display) {
    // There is no other place to complain in, and what is measured does not depend on it.
    writeln!(io::stderr().lock(), "{line}").ok();
}

fn to(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure_and_a_full_disk_is() {
        assert!(to(&mut Broken(io::ErrorKind::BrokenPipe), "table").is_ok());
        let full = to(&mut Broken(io::ErrorKind::StorageFull), "table").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
}
