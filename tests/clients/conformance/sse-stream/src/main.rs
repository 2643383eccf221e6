//! Reads one event stream with the crate `sse-stream`, and prints each block that it decodes as a line of
//! JSON. What becomes of blocks, such as ids that stay, is decided by whoever reads that.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use sse_stream::SseStream;
use std::error::Error;
use std::io::Read;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: sse-stream-client URL")?;
    let mut body = ureq::get(&url).call()?.into_body().into_reader();
    let pieces = stream::iter(std::iter::from_fn(move || {
        let mut piece = vec![0; 1000];
        match body.read(&mut piece) {
            Ok(0) => None,
            Ok(count) => Some(Ok(Bytes::from(piece).slice(..count))),
            Err(error) => Some(Err(error)),
        }
    }));
    pollster::block_on(async {
        let mut blocks = SseStream::from_bytes_stream(pieces);
        while let Some(block) = blocks.next().await {
            let block = block?;
            println!("{}", json!({ "event": block.event, "data": block.data, "id": block.id }));
        }
        Ok(())
    })
}
