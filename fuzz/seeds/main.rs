//! Writes the first inputs of each target to `corpus/TARGET/`, made from the rows of the tests'
//! table; those of `service`, to which any bytes are a connection, are random. Needs no nightly compiler: `cargo run --release --bin seeds`.
//!
//! Each target reads some control bytes first (see `fuzz_targets/control.rs`); here they are zeros,
//! or count upwards so that the small limits and the cuts are met from the start.

#[allow(dead_code, reason = "what must come of a row is of no use here")]
#[path = "../../http/tests/vectors/table/mod.rs"]
mod table;

use std::fs;
use std::io;
use std::path::Path;

/// How many control bytes the targets read.
const CONTROL_BYTES: usize = 16;
/// First inputs of `service`, and bytes of each, more than its longest connection takes.
const CONNECTIONS: usize = 64;
const CONNECTION_BYTES: usize = 512;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut bytes = 0;
    for (index, row) in table::all().enumerate() {
        for target in ["head", "framing", "connection"] {
            let control = if index % 2 == 0 { [0; CONTROL_BYTES] } else { counting(index) };
            bytes += write(&corpus.join(target), row.name, &control, row.input.as_bytes())?;
        }
        if let Some((_, body)) = row.input.split_once("chunked\r\n\r\n") {
            let control = [0; CONTROL_BYTES];
            bytes += write(&corpus.join("chunked"), row.name, &control, body.as_bytes())?;
        }
    }
    let mut random = 1_u64;
    for number in 0..CONNECTIONS {
        let mut connection = [0; CONNECTION_BYTES];
        for byte in &mut connection {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = random.to_be_bytes()[0];
        }
        bytes += write(&corpus.join("service"), &format!("random-{number}"), &[], &connection)?;
    }
    println!("{bytes} bytes of seeds in {}", corpus.display());
    Ok(())
}

fn counting(from: usize) -> [u8; CONTROL_BYTES] {
    std::array::from_fn(|index| (from + index).to_le_bytes()[0])
}

fn write(directory: &Path, name: &str, control: &[u8], input: &[u8]) -> io::Result<usize> {
    fs::create_dir_all(directory)?;
    let seed = [control, input].concat();
    fs::write(directory.join(name), &seed)?;
    Ok(seed.len())
}
