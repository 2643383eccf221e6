//! ntex: its HTTP/1.1 service without a router, one worker of its own runtime. That is on `io_uring`
//! where the kernel has it, unless epoll is asked for.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;
use headwater_peers::{BACKLOG, Flags, PLAINTEXT, announce, listen};
use ntex::SharedCfg;
use ntex::http::header::{CONTENT_TYPE, HeaderValue};
use ntex::http::{HttpService, HttpServiceConfig, KeepAlive, Request, Response};
use ntex::io::IoConfig;
use ntex::rt::{BlockFuture, DefaultRuntime, Reactor, Runner, Runtime, System, with_reactor};
use ntex::time::Seconds;
use ntex::util::Bytes;

const NAME: &str = "peer";

/// Bytes a connection may read, and has to send, at once; room below which a buffer grows; buffers
/// that are kept.
const BUFFERS: (usize, usize, usize) = (65_535, 1024, 128);

#[derive(Debug, Parser)]
struct NtexFlags {
    #[command(flatten)]
    flags: Flags,

    /// Use epoll, whatever the kernel has
    #[arg(long)]
    epoll: bool,
}

fn main() -> io::Result<()> {
    let flags = NtexFlags::parse();
    let system = System::build().name(NAME);
    let system = if flags.epoll { system.build(Epoll) } else { system.build(DefaultRuntime) };
    system.block_on(serve(flags.flags))
}

async fn serve(flags: Flags) -> io::Result<()> {
    let listener = listen(flags.addr)?;
    let addr = listener.local_addr()?;
    let (high, low, kept) = BUFFERS;
    let config = SharedCfg::new(NAME)
        .add(IoConfig::new().set_read_buf(high, low, kept).set_write_buf(high, low, kept))
        .add(
            HttpServiceConfig::new().set_keepalive(KeepAlive::Os).set_client_timeout(Seconds::ZERO),
        );
    // It sets TCP_NODELAY on what it accepts.
    let server = ntex::server::build()
        .workers(1)
        .backlog(BACKLOG.into())
        .listen(NAME, listener, async |_| HttpService::h1(answer))?
        .config(NAME, config)
        .run();
    announce(addr)?;
    server.await
}

async fn answer(request: Request) -> Result<Response, io::Error> {
    Ok(if request.path() == "/plaintext" {
        Response::Ok()
            .header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .body(Bytes::from_static(PLAINTEXT.as_bytes()))
    } else {
        Response::NotFound().finish()
    })
}

/// Runs what ntex runs on epoll.
struct Epoll;

impl Runner for Epoll {
    fn block_on(&self, future: BlockFuture) -> Result<(), Box<dyn Any + Send>> {
        let reactor = ntex::rt::polling::Reactor::new()
            .map_err(|error| -> Box<dyn Any + Send> { Box::new(format!("no epoll: {error}")) })?;
        let reactor: Box<dyn Reactor> = Box::new(reactor);
        with_reactor(&reactor, || {
            catch_unwind(AssertUnwindSafe(|| {
                Runtime::new(reactor.handle()).block_on(future, &*reactor);
            }))
        })
    }
}
