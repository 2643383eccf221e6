//! Asks the handler of a complete request, here or on another worker, and takes its answer, at once or when
//! it is there.

use super::connection::{After, HttpConnection};
use super::exchange::{internal_error, peer_of};
use super::guarded::Guarded;
use super::{Reply, Worker};
use crate::guard::{Panicked, guard};
use crate::handler::Incoming;
use crate::request::Request;
use crate::response::Response;
use crate::router::Lookup;
use bytes::Bytes;
use headwater_engine::{Core, Key};
use headwater_http::Head;
use http::StatusCode;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

impl Worker {
    /// A request is complete: asks its handler, here or on another worker.
    #[inline]
    pub(super) fn request(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        mut lookup: Option<Lookup>,
        head: Head,
        body: Bytes,
    ) -> Option<After> {
        (connection.served, connection.expects_continue) = (true, false);
        connection.mark = None;
        if self.is_crowded() {
            let router = &self.shared.router;
            let found = lookup.take().unwrap_or_else(|| router.look_up_bytes(head.path_bytes()));
            if router.opens_stream(&found, head.method())
                && let Some(promised) = self.release_to_another(core, key, connection)
            {
                return Some(self.pack(connection, (head, found, body), promised));
            }
            lookup = Some(found);
        }
        self.ask_handler(core, key, connection, lookup, head, body)
    }

    /// Asks the handler of a request that is answered here.
    #[inline]
    pub(super) fn ask_handler(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        lookup: Option<Lookup>,
        head: Head,
        body: Bytes,
    ) -> Option<After> {
        self.counts.count_request();
        let path = head.path_bytes();
        let lookup = lookup.unwrap_or_else(|| self.shared.router.look_up_bytes(path));
        self.remember(connection, path);
        let peer = peer_of(core, key, connection);
        let mut incoming = Incoming::new(Request::received(head, body, peer));
        let mut reply = None;
        let called = self.first_call(|| {
            guard(|| {
                reply = Some(self.shared.router.answer_at(&mut incoming, lookup));
                // What is left of it may panic as well.
                incoming.clear();
            })
        });
        if called.is_err() {
            self.counts.handler_panics.fetch_add(1, Ordering::Relaxed);
            self.discard(incoming);
            self.discard(reply.take());
        }
        // Where it is: it is large.
        if let Some(Reply::Ready(response)) = &mut reply {
            return self.respond_with(core, key, connection, response);
        }
        let Some(Reply::Pending(answering)) = reply else {
            return self.respond(core, key, connection, internal_error());
        };
        let mut answering = Guarded::new(answering, &self.overseer);
        // Most futures are done at once. One that is not is polled again as a task, which registers its
        // waker then.
        let mut context = Context::from_waker(Waker::noop());
        match self.first_call(|| Pin::new(&mut answering).poll(&mut context)) {
            Poll::Ready(response) => {
                let response = response.unwrap_or_else(|Panicked| internal_error());
                self.respond(core, key, connection, response)
            }
            Poll::Pending => {
                // Its time begins now, and not with that of one before it.
                core.cancel(key);
                self.wait_for(key, connection, answering);
                None
            }
        }
    }

    fn wait_for(
        &mut self,
        key: Key,
        connection: &mut HttpConnection,
        answering: Guarded<Response>,
    ) {
        let answers = self.answers.clone();
        let answering = answering.watched(self.watched_path(connection));
        connection.task = Some(self.executor.spawn(answering.then(move |response| {
            let response = response.unwrap_or_else(|Panicked| internal_error());
            answers.borrow_mut().push_back((key, response));
        })));
    }

    /// Gives the answers of handlers that were pending.
    pub(super) fn take_answers(&mut self, core: &mut Core<'_>) {
        loop {
            let Some((key, response)) = self.answers.borrow_mut().pop_front() else { return };
            if self.is_http(key) {
                self.with_http(core, key, |worker, core, connection| {
                    worker.answered(core, key, connection, response)
                });
            } else {
                response.mark_given();
                self.discard(response);
            }
        }
    }

    /// A handler that was pending has answered.
    pub(super) fn answered(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
        response: Response,
    ) -> After {
        connection.task = None;
        if connection.unsent.is_some() {
            connection.held = Some(Box::new(response));
            return After::Keep;
        }
        match self.respond(core, key, connection, response) {
            Some(after) => after,
            None => self.advance(core, key, connection),
        }
    }

    /// A handler that was pending has had its time.
    pub(super) fn too_late(
        &mut self,
        core: &mut Core<'_>,
        key: Key,
        connection: &mut HttpConnection,
    ) -> After {
        // It has answered in this very turn: that counts.
        if self.answers.borrow().iter().any(|(answered, _)| *answered == key) {
            return After::Keep;
        }
        self.counts.late_handlers.fetch_add(1, Ordering::Relaxed);
        let text = "the handler took too long\n";
        let answer = Response::plain(StatusCode::SERVICE_UNAVAILABLE, text);
        self.answered(core, key, connection, answer)
    }
}
