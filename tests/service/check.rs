//! Compares what a client got with what was due.

use crate::due::Due;
use crate::model::Model;
use crate::reader::{Answer, End, read};

/// What the client got, read as responses.
///
/// # Errors
/// What no server may send, or not to these requests.
pub(crate) fn compare(model: &Model, bytes: &[u8]) -> Result<Vec<Answer>, String> {
    let head_only = |place: usize| model.due.get(place).is_some_and(|due| due.head_only);
    let answers = read(bytes, head_only)?;
    let mut rest = &answers[..];
    for (place, due) in model.due.iter().enumerate() {
        let Some((answer, behind)) = rest.split_first() else {
            if due.is_lost {
                break;
            }
            return Err(format!("no response {place}, which is {due:?}"));
        };
        one(due, answer)
            .map_err(|why| format!("response {place} {why}: {due:?}, {}", short(answer)))?;
        rest = behind;
    }
    match rest {
        [] if model.asked_for_body => Err("100 (Continue) has not come".into()),
        [] => Ok(answers),
        [asking] if asking.status == 100 && asking.continues == 1 => {
            let due = model.asked_for_body || model.may_have_asked();
            if due { Ok(answers) } else { Err("100 (Continue) was not asked for".into()) }
        }
        [more, ..] => Err(format!("{} responses too many: {}", rest.len(), short(more))),
    }
}

fn one(due: &Due, answer: &Answer) -> Result<(), &'static str> {
    if answer.status != due.status {
        return Err("has another status");
    }
    let (least, most) = due.continues;
    if !(least..=most).contains(&answer.continues) {
        return Err("was preceded by another number of 100s");
    }
    if due.closes.is_some_and(|closes| closes != (answer.connection.as_deref() == Some("close"))) {
        return Err("closes, or does not");
    }
    let body = if due.is_stream { said(&answer.body) } else { answer.body.clone() };
    if due.head_only {
        return if body.is_empty() { Ok(()) } else { Err("has a body") };
    }
    if due.is_lost {
        let begins = due.body.as_ref().is_some_and(|due| due.starts_with(&body));
        return if begins { Ok(()) } else { Err("says something else") };
    }
    if due.body.as_ref().is_some_and(|due| *due != body) {
        return Err("has another body");
    }
    match answer.end {
        End::WithConnection => Ok(()),
        End::Seen if due.whole => Ok(()),
        End::Missing if !due.whole => Ok(()),
        End::Seen => Err("has ended"),
        End::Missing => Err("has not ended"),
    }
}

/// What a stream says, without heartbeats and the numbers of events.
pub(crate) fn said(events: &[u8]) -> Vec<u8> {
    let (mut said, mut in_comment) = (Vec::new(), false);
    for line in events.split_inclusive(|&byte| byte == b'\n') {
        // With the empty line behind it.
        let skipped =
            line.starts_with(b":") || line.starts_with(b"id: ") || (in_comment && line == b"\n");
        in_comment = line.starts_with(b":");
        if !skipped {
            said.extend_from_slice(line);
        }
    }
    said
}

fn short(answer: &Answer) -> String {
    let length = answer.body.len();
    let mut answer = answer.clone();
    answer.body.truncate(100);
    format!("{answer:?} with {length} bytes")
}
