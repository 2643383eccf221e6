//! How long the server that is tested waits for what.

use headwater::Timeouts;
use std::time::Duration;

pub(crate) const HEADER: Duration = Duration::from_secs(10);
pub(crate) const BODY: Duration = Duration::from_secs(30);
pub(crate) const HANDLER: Duration = Duration::from_secs(20);
pub(crate) const IDLE: Duration = Duration::from_mins(1);
pub(crate) const HALF_CLOSED: Duration = Duration::from_secs(1);

/// Of the streams of `/brief-feed`.
pub(crate) const LIFETIME: Duration = Duration::from_secs(40);

/// How exactly the model knows when something happens: deadlines are rounded, and the end of a client that
/// is not listened to is looked for now and then.
pub(crate) const UNSURE: Duration = Duration::from_millis(1500);

/// Where there is a clock to be moved.
pub(crate) fn timeouts() -> Timeouts {
    Timeouts::default()
        .with_header(HEADER)
        .with_body(BODY)
        .with_handler(HANDLER)
        .with_idle(IDLE)
        .with_half_closed(HALF_CLOSED)
}
