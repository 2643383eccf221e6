//! Reads responses as a client that believes nothing (RFC 9112 §4, §6): shares no code with the server.

/// One response, as far as it has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// How often 100 (Continue) came before it.
    pub(crate) continues: usize,
    pub(crate) status: u16,
    /// In their order, but for `date`, which each must have, and `connection`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) connection: Option<String>,
    /// Decoded.
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// It is complete.
    Seen,
    /// More must come.
    Missing,
    /// It ends with the connection.
    WithConnection,
}

impl Answer {
    pub(crate) fn is_stream(&self) -> bool {
        let events = |(name, value): &(String, String)| {
            name == "content-type" && value == "text/event-stream"
        };
        self.headers.iter().any(events)
    }
}

/// How the body goes.
#[derive(Clone, Copy)]
enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// All responses in `bytes`, to requests of which `head_only` says which are answered by a head. 100s
/// without a final response are an answer of status 100.
///
/// # Errors
/// What no server may send.
pub(crate) fn read(bytes: &[u8], head_only: impl Fn(usize) -> bool) -> Result<Vec<Answer>, String> {
    let (mut rest, mut answers, mut continues) = (bytes, Vec::new(), 0);
    while !rest.is_empty() {
        if let Some(last) = answers.last().filter(|last| is_last(last)) {
            return Err(format!("{} bytes behind the last response {last:?}", rest.len()));
        }
        let Some(end) = find(rest, b"\r\n\r\n") else {
            // Only a send that was cut short ends here.
            answers.push(unfinished(continues));
            return Ok(answers);
        };
        let (head, behind) = rest.split_at(end + 4);
        let (mut answer, framing) = read_head(&head[..end + 2], head_only(answers.len()))?;
        rest = behind;
        if answer.status == 100 {
            continues += 1;
            continue;
        }
        answer.continues = std::mem::take(&mut continues);
        rest = read_body(&mut answer, framing, rest)?;
        answers.push(answer);
    }
    if continues > 0 {
        answers.push(Answer { status: 100, ..unfinished(continues) });
    }
    Ok(answers)
}

fn is_last(answer: &Answer) -> bool {
    answer.connection.as_deref() == Some("close")
}

fn unfinished(continues: usize) -> Answer {
    Answer {
        continues,
        status: 0,
        headers: Vec::new(),
        connection: None,
        body: Vec::new(),
        end: End::Missing,
    }
}

fn read_head(head: &[u8], head_only: bool) -> Result<(Answer, Framing), String> {
    let head = std::str::from_utf8(head).map_err(|_| format!("a head of {head:?}"))?;
    let mut lines = head.split_terminator("\r\n");
    let line = lines.next().unwrap_or_default();
    let malformed = || format!("malformed head {head:?}");
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split_once(' '));
    let (status, reason) = status.ok_or_else(malformed)?;
    let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || reason.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(malformed());
    }
    let status = status.parse().map_err(|_| malformed())?;
    let mut answer = Answer { status, ..unfinished(0) };
    let mut dates = 0;
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or_else(malformed)?;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_name || value.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(malformed());
        }
        match name {
            "date" if is_date(value) => dates += 1,
            "date" => return Err(malformed()),
            "connection" if answer.connection.is_none() => answer.connection = Some(value.into()),
            _ => answer.headers.push((name.into(), value.into())),
        }
    }
    if status == 100 {
        let bare = answer.headers.is_empty() && answer.connection.is_none() && dates == 0;
        return if bare { Ok((answer, Framing::None)) } else { Err(malformed()) };
    }
    if dates != 1 {
        return Err(format!("{dates} dates in {head:?}"));
    }
    let framing = framing(&answer, head_only).map_err(|why| format!("{why} in {head:?}"))?;
    Ok((answer, framing))
}

/// RFC 9112 §6.3.
fn framing(answer: &Answer, head_only: bool) -> Result<Framing, &'static str> {
    let all = |wanted: &'static str| {
        answer.headers.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| &value[..])
    };
    let lengths: Vec<&str> = all("content-length").collect();
    let codings: Vec<&str> = all("transfer-encoding").collect();
    let closes = answer.connection.as_deref() == Some("close");
    let bodiless = matches!(answer.status, 101 | 204 | 304);
    if matches!(answer.status, 101 | 204) && !(lengths.is_empty() && codings.is_empty()) {
        return Err("a length of nothing");
    }
    let framing = match (&lengths[..], &codings[..]) {
        ([], []) if answer.status == 101 => return Ok(Framing::UntilClose),
        ([], []) if bodiless || (head_only && closes) => Framing::None,
        ([], []) if closes => Framing::UntilClose,
        ([], ["chunked"]) => Framing::Chunked,
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            Framing::Length(length.parse().map_err(|_| "no length")?)
        }
        _ => return Err("no framing"),
    };
    Ok(if bodiless || head_only { Framing::None } else { framing })
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn is_date(value: &str) -> bool {
    let shape = b"Aaa, 00 Aaa 0000 00:00:00 GMT";
    value.len() == shape.len()
        && value.bytes().zip(shape).all(|(byte, kind)| match kind {
            b'0' => byte.is_ascii_digit(),
            b'A' if byte.is_ascii_uppercase() => true,
            b'a' => byte.is_ascii_lowercase(),
            _ => byte == *kind,
        })
}

/// Reads the body, and gives what is behind it.
fn read_body<'b>(
    answer: &mut Answer,
    framing: Framing,
    rest: &'b [u8],
) -> Result<&'b [u8], String> {
    match framing {
        Framing::None => {
            answer.end = End::Seen;
            Ok(rest)
        }
        Framing::Length(length) => {
            let (body, behind) = rest.split_at(rest.len().min(length));
            answer.body = body.to_vec();
            answer.end = if body.len() == length { End::Seen } else { End::Missing };
            Ok(behind)
        }
        Framing::UntilClose => {
            answer.body = rest.to_vec();
            answer.end = End::WithConnection;
            Ok(&[])
        }
        Framing::Chunked => read_chunks(answer, rest),
    }
}

fn read_chunks<'b>(answer: &mut Answer, mut rest: &'b [u8]) -> Result<&'b [u8], String> {
    loop {
        let Some(end) = find(rest, b"\r\n") else { return Ok(&[]) };
        let size = std::str::from_utf8(&rest[..end]).ok();
        let size = size.filter(|size| size.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| format!("no size of a chunk: {:?}", &rest[..end]))?;
        rest = &rest[end + 2..];
        let (data, behind) = rest.split_at(rest.len().min(size));
        answer.body.extend_from_slice(data);
        rest = match behind {
            [b'\r', b'\n', behind @ ..] => behind,
            b"" | b"\r" => return Ok(&[]),
            _ => return Err(format!("no end of a chunk of {size} bytes")),
        };
        if size == 0 {
            answer.end = End::Seen;
            return Ok(rest);
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
