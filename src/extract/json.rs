//! JSON in bodies, both ways.

use super::{FromRequest, OptionalFromRequest, Rejection};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::cell::Cell;

/// A value as JSON (RFC 8259): as an argument it is read from the body, as an answer written to it.
///
/// A request is answered 415 if its content type is not `application/json` or ends in `+json`, 400 if its
/// body is not JSON, and 422 if that does not fit the type. `Option` is `None` where there is neither a
/// content type nor a body. An answer that cannot be written as JSON is a 500.
///
/// ```
/// use headwater::{Request, Router, extract::Json, routing::post};
///
/// let sum = |Json(numbers): Json<Vec<i64>>| Json(numbers.iter().sum::<i64>());
/// let app = Router::new().route("/sum", post(sum));
/// let request = Request::post("/sum").header("content-type", "application/json").body("[1, 2]")?;
/// assert_eq!(app.call_blocking(request).text(), Some("3"));
/// # Ok::<(), headwater::http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Rejection = Rejection;

    fn from_request(request: Request) -> Result<Self, Rejection> {
        if !is_json(request.header("content-type").unwrap_or_default()) {
            let text = "the content type is not application/json";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        serde_json::from_slice(request.body()).map(Self).map_err(|error| {
            let status = match error.classify() {
                Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
            };
            Rejection::new(status, format!("JSON: {error}"))
        })
    }
}

impl<T: DeserializeOwned> OptionalFromRequest for Json<T> {
    type Rejection = Rejection;

    fn from_request(request: Request) -> Result<Option<Self>, Rejection> {
        if request.header("content-type").is_none() && request.body().is_empty() {
            return Ok(None);
        }
        <Self as FromRequest>::from_request(request).map(Some)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match write(&self.0) {
            Ok(text) => {
                Response::typed(const { HeaderValue::from_static("application/json") }, text)
            }
            Err(error) => {
                let text = format!("the answer cannot be written as JSON: {error}");
                Rejection::internal(text).into_response()
            }
        }
    }
}

/// What a thread keeps to write small answers into, which are copied into what a connection sends: the same
/// room again and again.
const ROOM_BYTES: usize = 8 * 1024;
/// Room that has grown beyond this is not kept.
const MOST_ROOM_BYTES: usize = 64 * 1024;

thread_local! {
    static ROOM: Cell<BytesMut> = Cell::default();
}

/// Allocates only for the first answer of a thread, for large ones, and where answers before are still held.
fn write(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    // Taken out meanwhile: a value may write another in order to be written itself, and what one that fails
    // or panics has written goes with it.
    let mut room = ROOM.take();
    if room.capacity() < ROOM_BYTES / 8 {
        room.reserve(ROOM_BYTES);
    }
    serde_json::to_writer((&mut room).writer(), value)?;
    let text = room.split().freeze();
    if text.len() + room.capacity() <= MOST_ROOM_BYTES {
        ROOM.set(room);
    }
    Ok(text)
}

/// `application/json`, or any type with the suffix `+json` (RFC 6839 §3.1), whatever its parameters.
fn is_json(content_type: &[u8]) -> bool {
    let Some(essence) = super::essence(content_type) else { return false };
    let suffixed = || {
        let at = essence.len().checked_sub("+json".len());
        at.is_some_and(|at| at > 0 && essence.as_bytes()[at..].eq_ignore_ascii_case(b"+json"))
    };
    essence.eq_ignore_ascii_case("application/json") || suffixed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serializer;
    use serde::ser::Error;

    /// Writes another value meanwhile, or fails after some of it was written.
    struct Awkward {
        fails: bool,
    }

    impl Serialize for Awkward {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let text = write(&[1, 2]).map_err(S::Error::custom)?;
            if self.fails {
                return serializer.serialize_some(&["lost"; 3]).and(Err(S::Error::custom("no")));
            }
            serializer.collect_str(&text.escape_ascii())
        }
    }

    #[test]
    fn answers_hold_what_was_written_whatever_was_written_before_and_is_still_held() {
        let long = "x".repeat(100_000);
        let mut held = Vec::new();
        for round in 0..2000 {
            let number = write(&round).expect("a number");
            assert_eq!(write(&Awkward { fails: false }).expect("text"), "\"[1,2]\"");
            assert!(write(&Awkward { fails: true }).is_err());
            if round % 100 == 0 {
                assert_eq!(write(&long).expect("text").len(), long.len() + 2);
            }
            held.push(number);
        }
        for (round, number) in held.iter().enumerate() {
            assert_eq!(*number, round.to_string());
        }
    }

    #[test]
    fn small_answers_that_are_dropped_share_one_room() {
        let first = write(&0).expect("a number").as_ptr().addr();
        for round in 0..100_000 {
            let at = write(&round).expect("a number").as_ptr().addr();
            assert!(at.abs_diff(first) < ROOM_BYTES, "{round}");
        }
    }

    #[test]
    fn room_that_a_failing_value_has_made_large_is_not_kept() {
        /// Fails, or panics, after more was written than is kept.
        struct Late(bool);

        impl Serialize for Late {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let written = serializer.serialize_str(&"x".repeat(4 * MOST_ROOM_BYTES));
                assert!(!self.0, "as it is to");
                written.and(Err(S::Error::custom("no")))
            }
        }

        for panics in [false, true] {
            write(&0).expect("a number");
            let outcome = std::panic::catch_unwind(|| write(&Late(panics)).is_err());
            assert_eq!(outcome.ok(), (!panics).then_some(true));
            let kept = ROOM.take().capacity();
            assert!(kept <= MOST_ROOM_BYTES, "{kept} bytes");
        }
    }
}
