//! What hyper makes of the same bytes: the requests that it completes, and whether it refuses what
//! comes then. Compares nothing.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;

/// All that two servers are compared by: how they frame and what they refuse, not what they make of
/// a target or a field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Method and body of each complete request.
    pub(crate) requests: Vec<(String, Vec<u8>)>,
    pub(crate) end: Ending,
}

/// What comes after the last complete request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing, or nothing that is looked at.
    Clean,
    /// A request that the end of the stream cuts short.
    Cut,
    /// Something refused.
    Refused,
}

/// Gives `input` and then the end of the stream to a server that reads each body and answers 200.
pub(crate) fn hyper_reads(input: &[u8]) -> Reading {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let requests = Rc::new(RefCell::new(Vec::new()));
    let failure = Rc::new(Cell::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        let (requests, failure) = (requests.clone(), failure.clone());
        async move {
            let (head, body) = request.into_parts();
            match body.collect().await {
                Ok(body) => {
                    requests.borrow_mut().push((head.method.to_string(), body.to_bytes().to_vec()));
                }
                Err(error) => failure.set(Some(ending(&error))),
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let served = runtime.block_on(async {
        // Room for every byte in each direction, so that neither side ever waits for the other. An
        // answer is less than eight times as long as the shortest request.
        let (server, mut client) = tokio::io::duplex(1024 + 8 * input.len());
        client.write_all(input).await.expect("room for all");
        client.shutdown().await.expect("an open pipe");
        http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service).await
    });
    let end = match (failure.get(), served) {
        (Some(failure), _) => failure,
        (None, Err(error)) => ending(&error),
        (None, Ok(())) => Ending::Clean,
    };
    Reading { requests: requests.take(), end }
}

/// Whether an error is the end of the stream, or a refusal.
fn ending(error: &hyper::Error) -> Ending {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let eof = source.is_some_and(|source| source.kind() == io::ErrorKind::UnexpectedEof);
    if eof || error.is_incomplete_message() { Ending::Cut } else { Ending::Refused }
}
