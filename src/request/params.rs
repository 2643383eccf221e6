//! What the parameters of a route matched. Most values are parts of the path, and are not copied.

use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// How many parameters need no allocation.
const INLINE_PARAMS: usize = 2;

/// The names of a route's parameters.
pub(crate) type Names = Arc<Vec<Box<str>>>;

#[derive(Clone, Default)]
pub(crate) struct Params {
    names: Option<Names>,
    /// Where the values are, in the order of the names: in the path, or in `decoded` if that is there.
    spans: SmallVec<[Span; INLINE_PARAMS]>,
    decoded: Option<Box<str>>,
}

/// Positions of 32 bits: request heads are never longer.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        let position = |at: usize| u32::try_from(at).expect("a head is shorter than 4 GiB");
        Self { start: position(range.start), end: position(range.end) }
    }
}

impl Params {
    /// Values that are parts of the path.
    pub(crate) fn in_path(names: Names, values: impl Iterator<Item = Range<usize>>) -> Self {
        Self { names: Some(names), spans: values.map(Span::from).collect(), decoded: None }
    }

    /// Values that are not in the path, because they are encoded there.
    pub(crate) fn decoded(names: Names, values: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let mut decoded = String::new();
        let spans = values.map(|value| {
            let start = decoded.len();
            decoded.push_str(value.as_ref());
            Span::from(start..decoded.len())
        });
        let spans = spans.collect();
        Self { names: Some(names), spans, decoded: Some(decoded.into()) }
    }

    /// The same without references to the path.
    pub(crate) fn detached(&self, path: &str) -> Self {
        let Some(names) = &self.names else { return Self::default() };
        Self::decoded(names.clone(), self.iter(path).map(|(_, value)| value))
    }

    pub(crate) fn iter<'a>(
        &'a self,
        path: &'a str,
    ) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> {
        let text = self.decoded.as_deref().unwrap_or(path);
        let values = self.spans.iter().map(|span| &text[span.start as usize..span.end as usize]);
        let names = self.names.as_ref().map_or(&[][..], |names| names);
        names.iter().map(AsRef::as_ref).zip(values)
    }
}
