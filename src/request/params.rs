//! What the parameters of a route matched. Most values are parts of the path, and are not copied.

use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// How many parameters need no allocation.
const INLINE_PARAMS: usize = 2;

#[derive(Clone, Default)]
pub(crate) struct Params {
    names: Option<Arc<[Box<str>]>>,
    values: SmallVec<[Value; INLINE_PARAMS]>,
}

/// The value of a parameter.
#[derive(Clone)]
pub(crate) enum Value {
    /// A part of the path.
    InPath(Range<usize>),
    /// It was percent-encoded.
    Decoded(Box<str>),
}

impl Params {
    /// As many values as names.
    pub(crate) fn new(names: Arc<[Box<str>]>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { names: Some(names), values: values.into_iter().collect() }
    }

    /// The same without references to the path.
    pub(crate) fn detached(&self, path: &str) -> Self {
        let values = self.iter(path).map(|(_, value)| Value::Decoded(value.into()));
        Self { names: self.names.clone(), values: values.collect() }
    }

    pub(crate) fn iter<'a>(
        &'a self,
        path: &'a str,
    ) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> {
        let values = self.values.iter().map(move |value| match value {
            Value::InPath(range) => &path[range.clone()],
            Value::Decoded(text) => text,
        });
        self.names.as_deref().unwrap_or_default().iter().map(AsRef::as_ref).zip(values)
    }
}
