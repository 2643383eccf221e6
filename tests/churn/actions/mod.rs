//! What clients do, one function each. Whatever they read is checked; most do not stay for all of it.

mod nuisance;
mod requests;
mod streams;

use crate::client::Client;

type Action = fn(&mut Client<'_>);

/// All equally likely.
pub(crate) const ACTIONS: [(&str, Action); 19] = [
    ("say nothing", nuisance::say_nothing),
    ("stop in mid-request", nuisance::stop_in_mid_request),
    ("garbage", nuisance::garbage),
    ("never read an answer", nuisance::never_read_an_answer),
    ("never read a stream", nuisance::never_read_a_stream),
    ("ask", requests::ask),
    ("ask and finish", requests::ask_and_finish),
    ("reset while a handler waits", requests::reset_while_a_handler_waits),
    ("leave in mid-answer", requests::leave_in_mid_answer),
    ("follow", streams::follow),
    ("follow after a pause", streams::follow_after_a_pause),
    ("leave in mid-event", streams::leave_in_mid_event),
    ("finish a stream", streams::finish),
    ("finish with the request", streams::finish_with_the_request),
    ("hear a talk out", streams::hear_a_talk_out),
    ("outlive a stream", streams::outlive_a_stream),
    ("leave in silence", streams::leave_in_silence),
    ("post for a stream", streams::post_for_a_stream),
    ("be unwelcome", streams::be_unwelcome),
];
