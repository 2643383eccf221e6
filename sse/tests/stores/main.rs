//! One suite for all replay stores, against real servers that the tests start and end themselves.
//!
//! Those of a server whose program is not here are skipped, and say so; with
//! `HEADWATER_STORES=required` they fail.

#![cfg_attr(
    not(all(feature = "redis", feature = "postgres", feature = "memcache")),
    allow(dead_code, unused_macros, reason = "for servers that are not asked")
)]

mod holes;
mod outages;
mod processes;
mod reading;
mod support;
mod time;
