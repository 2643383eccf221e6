//! Real engines against the one in memory: the same clients, the same bytes.

use crate::check::{compare, said};
use crate::grammar::Case;
use crate::loopback::Running;
use crate::memory::{Delivery, run};
use crate::model::Model;
use crate::plan::{Step, World, plan};
use crate::reader::Answer;
use crate::routes::App;

/// Does one case over a real socket and in memory.
///
/// # Errors
/// What is not as it should be, or not the same.
pub(crate) fn agree(server: &Running, case: &Case) -> Result<(), String> {
    let steps = plan(case, World::Loopback);
    let shown = |why: String| format!("{why}\n{case:?}\n{steps:?}");
    let app = App::new();
    let expected = run(&app, &steps, Delivery::Whole).map_err(shown)?;
    let real = server.run(&steps).map_err(shown)?;
    let last = steps.iter().rev().find_map(|step| match step {
        Step::Check(model) => Some(model),
        _ => None,
    });
    let last = last.expect("each plan ends with one");
    let answers = |bytes: &[u8]| compare(last, bytes).map(|answers| comparable(answers, last));
    let (in_memory, on_engine) =
        (answers(&expected.bytes).map_err(shown)?, answers(&real).map_err(shown)?);
    if in_memory != on_engine {
        return Err(shown(format!("in memory {in_memory:?}, here {on_engine:?}")));
    }
    let (in_memory, on_engine) = (undated(&expected.bytes), undated(&real));
    if is_exact(last) && in_memory != on_engine {
        return Err(shown(format!("in memory {in_memory:?}, here {on_engine:?}")));
    }
    Ok(())
}

/// Whether every byte follows from what the client did, and not from when it came.
fn is_exact(model: &Model) -> bool {
    model.due.iter().all(|due| {
        let (least, most) = due.continues;
        !due.is_stream && due.closes.is_some() && least == most
    })
}

/// What does not depend on when the bytes came.
fn comparable(mut answers: Vec<Answer>, model: &Model) -> Vec<Answer> {
    answers.retain(|answer| answer.status != 100);
    answers.truncate(model.due.iter().position(|due| due.is_lost).unwrap_or(usize::MAX));
    for (answer, due) in answers.iter_mut().zip(&model.due) {
        answer.continues = 0;
        answer.connection.take_if(|_| due.closes.is_none());
        if due.is_stream {
            answer.body = said(&answer.body);
        }
    }
    answers
}

/// The bytes with every date the same.
fn undated(bytes: &[u8]) -> String {
    const DATE: &str = "\r\ndate: ";
    const LENGTH: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();
    // All bodies are ASCII, or they would not be the same either.
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split(DATE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + DATE + part.get(LENGTH..).unwrap_or_default())
}
