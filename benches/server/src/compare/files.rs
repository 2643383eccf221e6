//! The files that a report is written to: that they can be, before hours are spent on it, and each of them
//! whole. What stands in them is up to others.

use std::fs;
use std::io;
use std::path::Path;

use super::html;
use super::model::Report;

/// Files are written under this ending first.
const UNFINISHED: &str = "new";

/// Sees whether a report can be written into this directory, which is made if it is not there.
///
/// # Errors
/// One line: why it cannot.
pub(super) fn prepare(out: &Path) -> Result<(), String> {
    let failed = |path: &Path, error| format!("--out: {}: {error}", path.display());
    fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    let probe = out.join("report").with_extension(UNFINISHED);
    let written = fs::write(&probe, "\n").and_then(|()| fs::remove_file(&probe));
    written.map_err(|error| failed(&probe, error))
}

/// Writes what others read into this directory; what one file lacks does not keep the others back.
///
/// # Errors
/// One line: why the first that could not be written could not.
pub(super) fn write(report: &Report, out: &Path) -> Result<(), String> {
    let json = serde_json::to_string(report).map_err(|error| error.to_string());
    let json = json.and_then(|json| write_whole(&out.join("report.json"), &(json + "\n")));
    let page = write_whole(&out.join("report.html"), &html::render(report));
    let picture = out.join("throughput.svg");
    let picture = match html::picture(report) {
        Some(plot) => write_whole(&picture, &plot),
        // One of an earlier run would be taken for one of this.
        None => remove(&picture),
    };
    json.and(page).and(picture)
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Whoever reads the file finds all of it, or what was there before.
fn write_whole(path: &Path, text: &str) -> Result<(), String> {
    let new = path.with_extension(UNFINISHED);
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, path));
    written.map_err(|error| {
        let failed = format!("{}: {error}", path.display());
        // The half of it is of no use, and may be what fills the disk.
        match remove(&new) {
            Ok(()) => failed,
            Err(stays) => format!("{failed}; {stays}"),
        }
    })
}
