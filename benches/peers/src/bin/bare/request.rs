//! The requests that the bare loop understands. Bodies have a `Content-Length`.

/// One request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Request {
    Subscribe,
    Publish(String),
    Plaintext,
    Metrics,
    Unknown,
}

/// The first request in `bytes` and its length, `None` while it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head_length) = head.parse(bytes)? else { return Ok(None) };
    let length = head
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .map(|field| std::str::from_utf8(field.value).ok().and_then(|value| value.parse().ok()))
        .map_or(Ok(0), |length| length.ok_or(httparse::Error::HeaderValue))?;
    let Some(body) = bytes[head_length..].get(..length) else { return Ok(None) };
    let request = match (head.method, head.path) {
        (Some("GET"), Some("/events")) => Request::Subscribe,
        (Some("POST"), Some("/publish")) => {
            Request::Publish(String::from_utf8_lossy(body).into_owned())
        }
        (Some("GET"), Some("/plaintext")) => Request::Plaintext,
        (Some("GET"), Some("/metrics")) => Request::Metrics,
        _ => Request::Unknown,
    };
    Ok(Some((request, head_length + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_behind_one_another_are_read_one_by_one() {
        let publish = "POST /publish HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nhello";
        let wire = format!("{publish}GET /events HTTP/1.1\r\n\r\n");
        let (request, used) = parse(wire.as_bytes()).unwrap().unwrap();
        assert_eq!((request, used), (Request::Publish("hello".to_owned()), publish.len()));
        let (request, _) = parse(&wire.as_bytes()[used..]).unwrap().unwrap();
        assert_eq!(request, Request::Subscribe);
    }

    #[test]
    fn a_request_cut_anywhere_is_not_whole() {
        let wire = b"POST /publish HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
        for at in 0..wire.len() {
            assert_eq!(parse(&wire[..at]), Ok(None), "cut at {at}");
        }
        assert!(parse(b"POST /publish HTTP/1.1\r\nContent-Length: -5\r\n\r\n").is_err());
    }
}
