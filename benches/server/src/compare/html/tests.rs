use std::path::PathBuf;

use super::render;
use crate::compare::sample;

#[test]
fn samples_are_there_to_be_looked_at() {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/compare-samples");
    std::fs::create_dir_all(&place).expect("target can be written");
    for (name, report) in [("full", sample::full()), ("empty", sample::empty())] {
        let file = place.join(format!("{name}.html"));
        let page = render(&report);
        std::fs::write(&file, &page).expect("target can be written");
        let markdown = crate::compare::markdown::markdown(&report);
        std::fs::write(place.join(format!("{name}.md")), markdown).expect("target can be written");
    }
}
