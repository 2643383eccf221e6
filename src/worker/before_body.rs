//! What is decided about a request when its head is here and its body is not, by the rules of its route.
//! Whoever is refused here has not been asked for the body.

use super::Worker;
use super::connection::{After, Arriving, Asked, HttpConnection};
use super::exchange::{internal_error, peer_of};
use crate::guard::{Panicked, guard};
use crate::request::Request;
use bytes::Bytes;
use headwater_engine::{Core, Key};
use headwater_http::{BodyLength, Head};
use http::Method;
use std::sync::atomic::Ordering;

impl Worker {
    /// A request has begun. `None` means that it is received further.
    #[inline]
    pub(super) fn begin(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        head: Head,
    ) -> Option<After> {
        let (head_only, connects) =
            (*head.method() == Method::HEAD, *head.method() == Method::CONNECT);
        connection.asked = Asked { version: head.version(), head_only, connects };
        connection.expects_continue = head.expects_continue();
        connection.mark = None;
        match head.body() {
            BodyLength::None | BodyLength::Length(0) => {
                self.request(core, key, connection, None, head, Bytes::new())
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
        let shared = self.shared.clone();
        let lookup = shared.router.look_up_bytes(head.path_bytes());
        let rules = shared.router.body_rules(&lookup);
        if let Some(bytes) = rules.and_then(|rules| rules.limit_bytes) {
            connection.http.set_body_limit(bytes);
        }
        let Some(check) = rules.and_then(|rules| rules.check.as_ref()) else {
            connection.arriving = Some(Arriving::of(head, lookup));
            return None;
        };
        self.remember(connection, head.path_bytes());
        let mut request = Request::received(head, Bytes::new(), peer_of(core, key, connection));
        shared.router.equip(&mut request, &lookup);
        let checked = self.first_call(|| guard(|| check(&request)));
        let checked = checked.unwrap_or_else(|Panicked| {
            self.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
            Err(Box::new(internal_error()))
        });
        if let Err(answer) = checked {
            // With the body under way the connection cannot become anything else.
            let takes_over = answer.is_event_stream() || answer.is_detached();
            if takes_over {
                self.discard(answer);
                return self.refuse_with(core, key, connection, internal_error());
            }
            return self.refuse_with(core, key, connection, *answer);
        }
        connection.arriving = request.into_received().map(|head| Arriving::of(head, lookup));
        None
    }
}
