//! A whole connection whose requests are answered at once. Its outcome must not depend on how the
//! bytes are cut, and what comes later must not change what was told before.
#![no_main]

#[path = "../../http/tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each target uses a part")]
mod control;

use common::{Seen, transcript};
use control::Control;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((control, bytes)) = Control::split(input) else { return };
    let (limits, fin) = (control.limits(), control.ends());

    let whole = transcript(&limits, &[bytes], fin);
    let pieces = control.cut(bytes);
    assert_eq!(transcript(&limits, &pieces, fin), whole, "the cut decides");
    let singles: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(transcript(&limits, &singles, fin), whole, "single bytes decide");

    let last = pieces.last().map_or(0, |piece| piece.len());
    let before = transcript(&limits, &[&bytes[..bytes.len() - last]], false);
    assert!(leads_to(&before, &whole), "later bytes change earlier ones: {before:?} {whole:?}");
    for seen in &whole {
        if let Seen::Request { headers, body, .. } = seen {
            assert!(headers.len() <= limits.headers, "more headers than allowed");
            assert!(body.len() as u64 <= limits.body_bytes, "a longer body than allowed");
        }
    }
});

/// Whether `before` can be what was seen of `after` at an earlier time: the same, but that its last
/// request may still be without its end.
fn leads_to(before: &[Seen], after: &[Seen]) -> bool {
    let Some((last, told)) = before.split_last() else { return true };
    let (Some(same), Some(then)) = (after.get(..told.len()), after.get(told.len())) else {
        return false;
    };
    let grows = match (last, then) {
        (
            Seen::Request { line, headers, body, complete, .. },
            Seen::Request { line: line2, headers: headers2, body: body2, .. },
        ) => {
            line == line2
                && headers == headers2
                && body2.starts_with(body)
                && (!complete || body == body2)
        }
        (last, then) => last == then,
    };
    told == same && grows
}
