//! Which responses are due, said naively: one request after the other, from the RFCs and the crate's
//! documentation. Knows nothing of bytes that were cut, of buffers or of sockets that are full. What a
//! request's answer is, is in `answers`; what each act leads to, in `plan`.

use crate::answers::{Answering, answering, has_length};
use crate::due::{Due, closes, expects_continue};
use crate::grammar::Ask;
use crate::limits::UNSURE;
use crate::routes::{DRIPS, WORDS};
use crate::sent::Item;
use crate::state::{Source, State};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Duration;

/// What has come of a connection so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) due: Vec<Due>,
    /// The server has closed, or will once the client has noticed.
    pub(crate) over: bool,
    /// 100 (Continue) that has no final response yet.
    pub(crate) asked_for_body: bool,
    /// How many have come for sure.
    seen: usize,
    queue: VecDeque<Item>,
    state: State,
    finished: bool,
    now: Duration,
    /// When the state was entered.
    since: Duration,
}

impl Model {
    /// How many handlers wait at the gate.
    pub(crate) fn waiting(&self) -> usize {
        usize::from(self.state.waits_at_gate() && !self.over)
    }

    /// Whether nothing but the client ends it.
    pub(crate) fn is_endless(&self) -> bool {
        let endless = matches!(self.state, State::Drip(_) | State::Stream(_) | State::Tunnel);
        endless && !self.over && !self.finished
    }

    /// Whether a stream has begun: what has come of it when its client leaves is only known if it was looked
    /// at before.
    pub(crate) fn is_stream(&self) -> bool {
        self.due.last().is_some_and(|due| due.is_stream)
    }

    pub(crate) fn has_finished(&self) -> bool {
        self.finished
    }

    /// Whether another request can be sent.
    pub(crate) fn takes_requests(&self) -> bool {
        let is_begun = |item: &Item| matches!(item, Item::Begun(..));
        !self.finished && !matches!(self.state, State::Begun(_)) && !self.queue.iter().any(is_begun)
    }

    /// Whether a request that is sent now is answered at once.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.over && !self.finished
    }

    pub(crate) fn send(&mut self, item: Item) {
        self.queue.push_back(item);
        self.go_on();
    }

    /// The head of a request whose client waits for 100 (Continue). True if it comes.
    pub(crate) fn ask_for_body(&mut self, ask: &Ask) -> bool {
        let refused = matches!(answering(ask), Answering::Refused(_));
        if refused {
            self.send(Item::Ask(ask.clone(), Vec::new()));
        } else {
            self.asked_for_body = true;
            self.entered(State::Asked);
        }
        !refused
    }

    /// The body that was asked for.
    pub(crate) fn send_body(&mut self, ask: &Ask) {
        self.entered(State::Idle);
        self.send(Item::Ask(ask.clone(), Vec::new()));
    }

    /// Whether 100 (Continue) may have come although its final response has not.
    pub(crate) fn may_have_asked(&self) -> bool {
        matches!(&self.state, State::Gate(ask) if expects_continue(ask))
    }

    pub(crate) fn release(&mut self) {
        if self.over {
            return;
        }
        match std::mem::take(&mut self.state) {
            State::Gate(ask) => self.answer(&ask, 200, Some("opened".into())),
            State::Drip(ask) => {
                let due = self.last();
                due.say(DRIPS[1].as_bytes());
                due.whole = true;
                self.entered(State::Idle);
                self.over |= closes(&ask) || ask.old;
            }
            State::Stream(Source::Gate) => self.end_stream(&WORDS[1..]),
            other => self.state = other,
        }
        self.go_on();
    }

    pub(crate) fn publish(&mut self, word: &str) {
        let listens = matches!(self.state, State::Stream(Source::Feed | Source::BriefFeed));
        if listens && !self.over {
            self.last().say_events(&[word]);
        }
    }

    /// The client waits for what is due.
    pub(crate) fn checked(&mut self) {
        self.seen = self.due.len();
    }

    pub(crate) fn finish(&mut self) {
        // What is still being sent may say so already, or not.
        for due in self.due.iter_mut().skip(self.seen).filter(|due| due.status != 101) {
            due.closes.take_if(|closes| !*closes);
        }
        self.finished = true;
        self.since = match self.state {
            // Its time goes on; that of what only a client that stays can wait for begins.
            State::Gate(_) => self.since,
            _ => self.now,
        };
        self.go_on();
    }

    pub(crate) fn reset(&mut self) {
        (self.over, self.finished) = (true, true);
    }

    /// When something happens by itself next.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let limit = self.state.limit(self.finished).filter(|_| !self.over);
        limit.map(|limit| self.since + limit)
    }

    /// Whether something is planned so close to the end of this time that it may have happened, or not.
    pub(crate) fn is_unsure_after(&self, time: Duration) -> bool {
        let mut after = self.clone();
        let until = self.now + time;
        after.pass(time.saturating_sub(UNSURE));
        after.deadline().is_some_and(|deadline| deadline <= until + UNSURE)
    }

    /// Lets this much time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline;
            self.expire();
        }
        self.now = until;
    }

    /// Lets this much time pass for a worker that sees nothing of it until it is over.
    pub(crate) fn jump(&mut self, time: Duration) {
        self.now += time;
        if self.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.expire();
        }
    }

    fn expire(&mut self) {
        match std::mem::take(&mut self.state) {
            State::Gate(ask) => self.answer(&ask, 503, None),
            State::Begun(begun) => self.refuse(408, begun.head_only, None),
            State::Asked => unreachable!("the body follows at once"),
            // Without a word.
            State::Idle | State::Drip(_) => self.over = true,
            State::Stream(Source::BriefFeed) => self.end_stream(&[]),
            State::Stream(_) | State::Tunnel => unreachable!("they have no deadline"),
        }
        self.go_on();
    }

    /// Serves what can be served.
    fn go_on(&mut self) {
        loop {
            match (&self.state, self.over) {
                (_, true) => return self.queue.clear(),
                (State::Idle, _) => {
                    let Some(item) = self.queue.pop_front() else { break };
                    self.entered(State::Idle);
                    self.serve(item);
                }
                (State::Tunnel, _) => {
                    let Some(item) = self.queue.pop_front() else { break };
                    self.last().say(item.bytes());
                }
                _ => break,
            }
        }
        if self.finished {
            self.notice_the_end();
        }
    }

    /// Everything before the FIN was served, as far as it goes.
    fn notice_the_end(&mut self) {
        match self.state {
            // Of a stream, nobody is told what is left.
            State::Idle | State::Tunnel | State::Stream(_) => self.over = true,
            State::Begun(begun) => self.refuse(400, begun.head_only, None),
            // Not listened to while a handler works; a streamed body is still wanted.
            State::Gate(_) | State::Drip(_) | State::Asked => {}
        }
    }

    fn serve(&mut self, item: Item) {
        match item {
            Item::Ask(ask, _) => self.ask(&ask),
            Item::Malformed(status, head_only, _) => self.refuse(status, head_only, None),
            Item::Begun(begun, _) => self.entered(State::Begun(begun)),
        }
    }

    fn ask(&mut self, ask: &Ask) {
        let head_only = ask.method() == "HEAD";
        match answering(ask) {
            Answering::Malformed(status) => self.refuse(status, false, None),
            Answering::Refused(status) => self.refuse(status, head_only, Some(ask)),
            Answering::RefusedLater => self.refuse(413, head_only, Some(ask)),
            Answering::Whole(status, body) => self.answer(ask, status, body),
            Answering::Gate => self.entered(State::Gate(ask.clone())),
            Answering::Chunks(body) => self.stream_body(ask, body, true),
            Answering::Cut(body) => {
                self.stream_body(ask, body, false);
                self.over = true;
            }
            Answering::Drip => {
                self.stream_body(ask, DRIPS[0].into(), false);
                self.over = false;
                self.entered(State::Drip(ask.clone()));
            }
            Answering::Events => {
                self.begin_stream(ask);
                self.end_stream(&WORDS);
            }
            Answering::EventsAtGate => {
                self.begin_stream(ask);
                self.last().say_events(&WORDS[..1]);
                self.entered(State::Stream(Source::Gate));
            }
            Answering::Feed => {
                self.begin_stream(ask);
                self.entered(State::Stream(Source::Feed));
            }
            Answering::BriefFeed => {
                self.begin_stream(ask);
                self.entered(State::Stream(Source::BriefFeed));
            }
            Answering::Tunnel => {
                let due = self.push(Due::to(ask, 101, Some(Bytes::new())));
                (due.whole, due.closes) = (false, Some(false));
                self.entered(State::Tunnel);
            }
        }
    }

    /// A whole answer of a handler or of the router.
    fn answer(&mut self, ask: &Ask, status: u16, body: Option<Bytes>) {
        self.push(Due::to(ask, status, body));
        self.entered(State::Idle);
        self.over |= closes(ask);
    }

    fn stream_body(&mut self, ask: &Ask, body: Bytes, whole: bool) {
        let due = self.push(Due::to(ask, 200, Some(body)));
        due.whole = whole;
        // A client of HTTP/1.0 sees its end by that of the connection.
        let until_close = ask.old && !has_length(ask);
        if until_close {
            due.closes = Some(true);
        }
        self.over |= until_close || closes(ask);
        self.since = self.now;
    }

    fn begin_stream(&mut self, ask: &Ask) {
        let lost = self.finished;
        let due = self.push(Due::to(ask, 200, Some(Bytes::new())));
        (due.whole, due.closes, due.is_stream, due.is_lost) = (false, Some(true), true, lost);
    }

    fn end_stream(&mut self, words: &[&str]) {
        let due = self.last();
        due.say_events(words);
        due.whole = true;
        self.over = true;
    }

    fn refuse(&mut self, status: u16, head_only: bool, ask: Option<&Ask>) {
        let may_continue = ask.is_some_and(expects_continue);
        let due = self.push(Due::refusal(status, head_only));
        due.continues.1 = due.continues.1.max(usize::from(may_continue));
        self.over = true;
    }

    fn push(&mut self, mut due: Due) -> &mut Due {
        if std::mem::take(&mut self.asked_for_body) {
            due.continues = (1, 1);
        }
        // Who has sent a FIN may be told that this is the last, or not.
        let finished = self.finished;
        due.closes.take_if(|closes| finished && !*closes);
        self.due.push(due);
        self.last()
    }

    fn last(&mut self) -> &mut Due {
        self.due.last_mut().expect("something was answered")
    }

    fn entered(&mut self, state: State) {
        (self.state, self.since) = (state, self.now);
    }
}
