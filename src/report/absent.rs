//! In a build without the feature `tracing` nobody listens.

use crate::body::BodyError;
use http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) fn slow_handler(_route: Option<&str>, _path: &str, _held: Duration) {}

pub(crate) fn refused(_status: StatusCode, _peer: Option<SocketAddr>) {}

pub(crate) fn failed_answer(_error: &dyn std::fmt::Display) {}

pub(crate) fn failed_body(_error: &BodyError) {}
