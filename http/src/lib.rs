//! HTTP/1.1 for a server as a state machine without input or output (RFC 9110, RFC 9112).
//!
//! Bytes go in with [`Connection::receive`], what they mean comes out of [`Connection::step`]:
//! one request at a time, its head first, then its body in pieces. Answers are written by
//! [`encode`]. This crate never sees a socket, a clock or a thread: time-outs, writing and closing
//! are its owner's.
//!
//! It is strict where leniency is how requests get smuggled: only CRLF ends a line, a body's length
//! is said once and in one way, and nothing is repaired. Whatever the peer sends, the outcome
//! depends on the bytes alone, never on how they were cut.
//!
//! ```
//! use headwater_http::{Connection, Limits, Step, encode};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut connection = Connection::new(&Limits::default());
//! connection.receive(b"GET /time?zone=utc HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! let Step::Request(head) = connection.step()? else { panic!("the head is complete") };
//! assert_eq!((head.path(), head.query()), ("/time", Some("zone=utc")));
//! assert!(matches!(connection.step()?, Step::End));
//! assert!(matches!(connection.step()?, Step::Paused));
//!
//! let date = encode::DateField::new(784_111_777);
//! let persistence = if connection.keep_alive() {
//!     encode::Connection::KeepAlive
//! } else {
//!     encode::Connection::Close
//! };
//! let mut out = Vec::new();
//! let promise = encode::encode_head(
//!     &mut out,
//!     http::StatusCode::OK,
//!     head.version(),
//!     [("content-type", "text/plain")],
//!     encode::BodyFraming::Length(2),
//!     persistence,
//!     &date,
//! )?;
//! assert_eq!(promise.framing, encode::BodyFraming::Length(2));
//! out.extend_from_slice(b"ok");
//! connection.response_done();
//! assert!(connection.is_idle());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod encode;

mod body;
mod chars;
mod chunked;
mod connection;
mod date;
mod error;
mod fields;
mod framing;
mod head;
mod layout;
mod limits;
mod memo;
mod prescan;
mod step;
mod target;
mod words;

pub use connection::Connection;
pub use error::ParseError;
pub use framing::BodyLength;
pub use head::{Head, Version};
pub use limits::Limits;
pub use memo::HeadMemo;
pub use step::Step;
