//! In a build without the feature `tracing` nobody listens.

use crate::body::BodyError;
use std::time::Duration;

pub(crate) fn slow_handler(_route: Option<&str>, _path: &str, _held: Duration) {}

pub(crate) fn failed_body(_error: &BodyError) {}
