//! What a client does on one connection, and the bytes of it. Knows nothing of what must come of it: see
//! `model`.

use crate::kind::Kind;
use crate::malformed;
use arbitrary::{Arbitrary, Result, Unstructured};

/// More acts make a case slower and not better.
const MOST_ACTS: usize = 12;

/// One connection.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Case {
    pub(crate) cuts: Cuts,
    pub(crate) ending: Ending,
    pub(crate) acts: Acts,
}

/// How the bytes are cut and how much is taken at a time, when they are not whole.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Cuts {
    pub(crate) seed: u64,
    /// Bytes of a piece, at most; zero cuts at every byte.
    pub(crate) most: u8,
    /// Bytes that there is room for at a time.
    pub(crate) room: Option<u16>,
    /// Bytes that one send takes.
    pub(crate) per_send: Option<u16>,
}

/// How it ends when the client has done everything.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Finish,
    /// Nothing is done any more; a FIN only where that would be for ever.
    Idle,
    Reset,
    Drain,
}

#[derive(Clone, Debug)]
pub(crate) struct Acts(pub(crate) Vec<Act>);

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Ask(Ask),
    /// One of [`malformed::TABLE`].
    Malformed(usize),
    /// The beginning of a request of which nothing more comes.
    Begin(Beginning),
    Pause(Pause),
    /// Handlers that wait go on.
    Release,
    Publish(u8),
    Finish,
    Reset,
    /// Nothing is read any more.
    Stall,
}

/// How long nothing is done, in virtual time.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Pause {
    Short,
    Middle,
    Long,
    /// For a worker that is given no core meanwhile.
    Late,
}

/// A well-formed request.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    pub(crate) old: bool,
    pub(crate) persistence: Persistence,
    pub(crate) form: Form,
    pub(crate) body: Body,
    pub(crate) expects: Expects,
    /// Says what `/checked` and `/admitted` want to hear.
    pub(crate) known: bool,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    /// The one that the path answers.
    Fit,
    Get,
    Head,
    Post,
    Options,
    Delete,
    /// One that nobody knows.
    Brew,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Persistence {
    Unsaid,
    Close,
    KeepAlive,
}

/// How the target is written.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Form {
    Origin,
    Query,
    Absolute,
    /// With its first letter encoded.
    Encoded,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    Fixed(usize),
    /// The sizes of its chunks.
    Chunked(Vec<usize>),
}

/// Whether 100 (Continue) is asked for, and waited for.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expects {
    Nothing,
    Impatiently,
    Patiently,
}

/// A request, and how much of it comes.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    pub(crate) ask: Ask,
    keep: u16,
}

impl Arbitrary<'_> for Acts {
    fn arbitrary(input: &mut Unstructured<'_>) -> Result<Self> {
        let count = input.int_in_range(0..=MOST_ACTS)?;
        (0..count).map(|_| input.arbitrary()).collect::<Result<_>>().map(Self)
    }
}

impl Arbitrary<'_> for Act {
    fn arbitrary(input: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match input.int_in_range(0..=31u8)? {
            0..=15 => Self::Ask(input.arbitrary()?),
            16..=17 => Self::Malformed(input.int_in_range(0..=malformed::TABLE.len() - 1)?),
            18..=19 => Self::Begin(input.arbitrary()?),
            20..=22 => Self::Pause(input.arbitrary()?),
            23..=25 => Self::Release,
            26..=28 => Self::Publish(input.arbitrary()?),
            29 => Self::Finish,
            30 => Self::Reset,
            _ => Self::Stall,
        })
    }
}

impl Arbitrary<'_> for Body {
    fn arbitrary(input: &mut Unstructured<'_>) -> Result<Self> {
        /// Around the limit of `/limited`, and up to several receives.
        const SIZES: [usize; 10] = [0, 1, 2, 7, 8, 9, 100, 1000, 5000, 20_000];
        Ok(match input.int_in_range(0..=3u8)? {
            0 | 1 => Self::None,
            2 => Self::Fixed(*input.choose(&SIZES)?),
            _ => {
                let count = input.int_in_range(0..=3)?;
                let sizes = (0..count).map(|_| input.choose(&SIZES[1..]).copied());
                Self::Chunked(sizes.collect::<Result<_>>()?)
            }
        })
    }
}

impl Arbitrary<'_> for Beginning {
    /// One that is refused for its end only.
    fn arbitrary(input: &mut Unstructured<'_>) -> Result<Self> {
        let mut ask: Ask = input.arbitrary()?;
        ask.kind = if (ask.kind as usize).is_multiple_of(2) { Kind::Small } else { Kind::Echo };
        ask.expects = Expects::Nothing;
        if matches!(ask.body, Body::Chunked(_)) {
            ask.old = false;
        }
        Ok(Self { ask, keep: input.arbitrary()? })
    }
}

impl Ask {
    pub(crate) fn method(&self) -> &'static str {
        match self.method {
            Method::Fit if self.kind.posts() => "POST",
            Method::Fit | Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Options => "OPTIONS",
            Method::Delete => "DELETE",
            Method::Brew => "BREW",
        }
    }

    /// Everything up to the body.
    pub(crate) fn head(&self) -> Vec<u8> {
        let name = self.kind.name();
        let target = match self.form {
            Form::Origin => format!("/{name}"),
            Form::Query => format!("/{name}?a=b&%00"),
            Form::Absolute => format!("http://elsewhere/{name}"),
            Form::Encoded => format!("/%{:02x}{}", name.as_bytes()[0], &name[1..]),
        };
        let version = if self.old { "1.0" } else { "1.1" };
        let persistence = match self.persistence {
            Persistence::Unsaid => "",
            Persistence::Close => "Connection: close\r\n",
            Persistence::KeepAlive => "Connection: keep-alive\r\n",
        };
        let framing = match &self.body {
            Body::None => String::new(),
            Body::Fixed(bytes) => format!("Content-Length: {bytes}\r\n"),
            Body::Chunked(_) => "Transfer-Encoding: chunked\r\n".to_owned(),
        };
        let expects = self.expects != Expects::Nothing;
        let expects = if expects { "Expect: 100-continue\r\n" } else { "" };
        let known = if self.known { "X-Known: yes\r\n" } else { "" };
        let line = format!("{} {target} HTTP/{version}\r\nHost: test\r\n", self.method());
        format!("{line}{persistence}{framing}{expects}{known}\r\n").into_bytes()
    }

    /// The body as it is sent.
    pub(crate) fn framed_body(&self) -> Vec<u8> {
        let Body::Chunked(sizes) = &self.body else { return self.content() };
        let (mut framed, content) = (Vec::new(), self.content());
        let mut rest = &content[..];
        for size in sizes {
            let (chunk, behind) = rest.split_at(*size);
            // An extension on some, which is nobody's business.
            let extension = if size % 2 == 0 { ";a=\"b\"" } else { "" };
            framed.extend_from_slice(format!("{size:X}{extension}\r\n").as_bytes());
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
            rest = behind;
        }
        let trailer = if sizes.len() % 2 == 0 { "" } else { "X-Trailer: a\r\n" };
        framed.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        framed
    }

    /// What the body says. Looks like requests, in case anybody should take it for one.
    pub(crate) fn content(&self) -> Vec<u8> {
        const REQUEST: &[u8] = b"GET /small HTTP/1.1\r\nHost: test\r\n\r\n";
        let mut content = REQUEST.repeat(self.length().div_ceil(REQUEST.len()));
        content.truncate(self.length());
        content
    }

    /// Whether a body follows the head, which may say nothing if it is chunked.
    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.body, Body::None | Body::Fixed(0))
    }

    pub(crate) fn length(&self) -> usize {
        match &self.body {
            Body::None => 0,
            Body::Fixed(bytes) => *bytes,
            Body::Chunked(sizes) => sizes.iter().sum(),
        }
    }
}

impl Beginning {
    /// At least one byte, and at least one less than all; whether they reach behind the head.
    pub(crate) fn bytes(&self) -> (Vec<u8>, bool) {
        let head = self.ask.head();
        let mut bytes = [&head[..], &self.ask.framed_body()].concat();
        bytes.truncate(1 + usize::from(self.keep) % (bytes.len() - 1));
        let in_body = bytes.len() >= head.len();
        (bytes, in_body)
    }
}
