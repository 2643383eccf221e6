//! What is decided about a request when its head is here and its body is not: expectations, and the
//! rules of its route. Whoever is refused here has not been asked for the body.

use super::Worker;
use super::connection::{After, Asked, HttpConnection};
use super::exchange::{assemble, internal_error};
use crate::response::Response;
use bytes::Bytes;
use headwater_engine::{Core, Key};
use headwater_http::{BodyLength, Head, Version};
use http::{Method, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

impl Worker {
    /// A request has begun. `None` means that it is received further.
    pub(super) fn begin(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        head: Head,
    ) -> Option<After> {
        let head_only = *head.method() == Method::HEAD;
        connection.asked = Asked { version: head.version(), head_only };
        connection.expects_continue = head.expects_continue();
        connection.mark = None;
        if expects_the_unknown(&head) {
            let answer = Response::plain(StatusCode::EXPECTATION_FAILED, "unknown expectation\n");
            return self.refuse_with(core, key, connection, answer);
        }
        match head.body() {
            BodyLength::None | BodyLength::Length(0) => {
                connection.head = Some(head);
                None
            }
            _ => self.begin_body(core, key, connection, head),
        }
    }

    fn begin_body(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        head: Head,
    ) -> Option<After> {
        let mut request = assemble(core, key, connection, head, Bytes::new());
        let rules = self.shared.router.body_rules(&mut request).unwrap_or_default();
        if let Some(bytes) = rules.limit_bytes {
            connection.http.set_body_limit(bytes);
        }
        let checked = rules.check.map(|check| {
            catch_unwind(AssertUnwindSafe(|| check(&request))).unwrap_or_else(|_| {
                self.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
                Err(internal_error())
            })
        });
        if let Some(Err(answer)) = checked {
            return self.refuse_with(core, key, connection, answer);
        }
        connection.head = Some(request.head);
        None
    }
}

/// Anything but `100-continue` (RFC 9110 §10.1.1). HTTP/1.0 knows no expectations.
fn expects_the_unknown(head: &Head) -> bool {
    let unknown = |(name, value): (&str, &[u8])| {
        name.eq_ignore_ascii_case("expect")
            && (value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii))
                .any(|item| !item.is_empty() && !item.eq_ignore_ascii_case(b"100-continue"))
    };
    head.version() == Version::Http11 && head.headers().any(unknown)
}
