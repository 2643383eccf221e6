//! A file that is there for a while. What is in it is up to others.

use std::fs;
use std::path::{Path, PathBuf};

/// A name among the temporary files; what is there under it is removed with this.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// One for each ending, within this process; nothing is there yet.
    pub(super) fn new(ending: &str) -> Self {
        let name = format!("headwater-compare-{}.{ending}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been written; and nobody is harmed by what stays among temporary files.
        fs::remove_file(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_as_long_as_it_is_needed() {
        let scratch = Scratch::new("scratch-test");
        let path = scratch.path().to_owned();
        fs::write(&path, "text").unwrap();
        drop(scratch);
        assert!(!path.exists());
        drop(Scratch::new("scratch-test-of-nothing"));
    }
}
