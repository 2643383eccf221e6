//! Requests and answers: what a client of any HTTP server may expect.

mod before_body;
mod leaving;
mod messages;
mod pipelining;
mod refusals;
mod slowness;
