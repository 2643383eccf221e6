//! The decoder against a plain reading of the whole buffer, and its edges.

use proptest::prelude::*;

use super::*;
use crate::load::schedule::Stamp;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";

fn decode(pieces: &[&[u8]]) -> Result<(Vec<Block>, Progress), Malformed> {
    let mut decoder = Decoder::new();
    let mut blocks = Vec::new();
    let mut progress = Progress::Head;
    for piece in pieces {
        progress = decoder.receive(piece, &mut |block| blocks.push(block))?;
    }
    Ok((blocks, progress))
}

/// Reads a finished, unframed stream with string functions only.
fn reference(stream: &str) -> Vec<Block> {
    let stream = stream.replace("\r\n", "\n");
    let whole = stream.rfind("\n\n").map_or("", |end| &stream[..end]);
    whole.split("\n\n").filter_map(reference_block).collect()
}

fn reference_block(text: &str) -> Option<Block> {
    let values = |name: &'static str| {
        text.lines().filter_map(move |line| {
            line.strip_prefix(name).map(|value| value.strip_prefix(' ').unwrap_or(value))
        })
    };
    let id = values("id:").next_back().and_then(|id| id.parse().ok());
    let Some(data) = values("data:").next() else { return id.map(Block::Position) };
    let mut words = data.split(' ');
    let mut word = |name: &str| words.next()?.strip_prefix(name)?.parse().ok();
    let stamp = word("seq=").zip(word("t=")).map(|(seq, due)| Stamp { seq, due });
    Some(Block::Event { id, stamp: stamp.filter(|_| data.matches(' ').count() >= 2) })
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// One block of a stream: of this load, of the server, an opening position, a heartbeat.
fn block() -> impl Strategy<Value = String> {
    let ours = (1..u64::MAX, 1..u64::MAX, any::<u64>(), 0..200_usize).prop_map(
        |(id, seq, due, padding)| {
            format!("id: {id}\ndata: seq={seq} t={due} {}\n\n", "x".repeat(padding))
        },
    );
    let foreign = (any::<u64>(), "[ -~]{0,100}", "[ -~]{0,5}").prop_map(|(id, data, more)| {
        format!("id:{id}\nevent: tick\ndata:{data}\ndata: {more}\n\n")
    });
    let crlf = (any::<u64>(), 1..99_u64)
        .prop_map(|(id, seq)| format!("id: {id}\r\ndata: seq={seq} t=5 \r\n\r\n"));
    prop_oneof![
        6 => ours,
        2 => foreign,
        1 => crlf,
        1 => any::<u64>().prop_map(|id| format!("id: {id}\n\n")),
        1 => Just(":\n\n".to_owned()),
        1 => Just("id: 17-0\ndata: no decimal id\n\n".to_owned()),
        1 => Just("retry: 2000\n\n".to_owned()),
    ]
}

fn cut<'b>(bytes: &'b [u8], at: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = at.iter().map(|index| index.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_cuts_and_any_chunks_read_like_the_whole(
        blocks in prop::collection::vec(block(), 0..12),
        chunk_cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        byte_cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ended in any::<bool>(),
    ) {
        let stream = blocks.concat();
        let mut wire = HEAD.to_owned();
        for piece in cut(stream.as_bytes(), &chunk_cuts).into_iter().filter(|piece| !piece.is_empty()) {
            wire += &chunk(std::str::from_utf8(piece).unwrap());
        }
        if ended {
            wire += "0\r\n\r\n";
        }
        let (decoded, progress) = decode(&cut(wire.as_bytes(), &byte_cuts)).unwrap();
        prop_assert_eq!(decoded, reference(&stream));
        prop_assert_eq!(progress, if ended { Progress::Ended } else { Progress::Streaming });
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        // Either answer is right; a panic is not.
        let _ = decode(&[HEAD.as_bytes(), &bytes]);
        let _ = decode(&[&bytes]);
    }
}

#[test]
fn every_single_byte_cut_reads_alike() {
    let stream = "id: 41\n\n:\n\nid: 42\ndata: seq=1 t=99 xxxxxxxx\n\nid: 43\ndata: 7\n\n";
    let wire = format!("{HEAD}{}0\r\nTrailer: x\r\n\r\n", chunk(stream));
    let bytes: Vec<&[u8]> = wire.as_bytes().chunks(1).collect();
    let stamp = Some(Stamp { seq: 1, due: 99 });
    let expected = vec![
        Block::Position(41),
        Block::Event { id: Some(42), stamp },
        Block::Event { id: Some(43), stamp: None },
    ];
    assert_eq!(decode(&bytes), Ok((expected, Progress::Ended)));
}

#[test]
fn a_stream_without_chunks_reads_until_it_closes() {
    let wire = "HTTP/1.0 200 OK\r\n\r\nid: 5\ndata: x\n\n";
    let expected = vec![Block::Event { id: Some(5), stamp: None }];
    assert_eq!(decode(&[wire.as_bytes()]), Ok((expected, Progress::Streaming)));
}

#[test]
fn a_number_too_large_is_no_number() {
    let stream = "id: 18446744073709551616\ndata: seq=18446744073709551616 t=1 \n\n";
    let wire = format!("{HEAD}{}", chunk(stream));
    let expected = vec![Block::Event { id: None, stamp: None }];
    assert_eq!(decode(&[wire.as_bytes()]), Ok((expected, Progress::Streaming)));
}

#[test]
fn a_refusal_gives_its_status() {
    let wire = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(decode(&[wire]), Err(Malformed::Status(503)));
}

#[test]
fn broken_framing_is_an_error() {
    for body in ["x\r\n", "\r\n", "5\nhello\r\n", "2\r\nabc", "-1\r\n", "1000000000000000\r\n"] {
        let wire = format!("{HEAD}{body}");
        assert_eq!(decode(&[wire.as_bytes()]), Err(Malformed::Chunk), "{body:?}");
    }
}

#[test]
fn a_head_is_bounded() {
    let head = |len: usize| {
        let fill = len - "HTTP/1.1 200 OK\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(fill))
    };
    assert!(decode(&[head(HEAD_LIMIT - 1).as_bytes()]).is_ok());
    assert!(decode(&[head(HEAD_LIMIT).as_bytes()]).is_ok());
    assert_eq!(decode(&[head(HEAD_LIMIT + 1).as_bytes()]), Err(Malformed::Head));
}
