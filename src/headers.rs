//! Header fields of a message, in order: a few in place, since most messages have no more and a map
//! would allocate for each. What a field means is its reader's business.

use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;
use std::fmt;

/// How many fields need no allocation.
const INLINE_FIELDS: usize = 2;

/// Header fields in the order in which they are sent. The same name may come several times. The first
/// two need no allocation.
///
/// ```
/// use headwater::{Headers, http::{HeaderValue, header}};
///
/// let mut headers = Headers::new();
/// headers.set(header::VARY, HeaderValue::from_static("origin"));
/// headers.append(header::VARY, HeaderValue::from_static("accept"));
/// assert_eq!(headers.get("Vary").unwrap(), "origin");
/// assert_eq!(headers.get_all("vary").count(), 2);
/// assert_eq!(headers.remove(header::VARY), 2);
/// assert!(headers.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Headers(SmallVec<[(HeaderName, HeaderValue); INLINE_FIELDS]>);

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// One field.
    pub(crate) fn of(name: HeaderName, value: HeaderValue) -> Self {
        let mut headers = Self::new();
        headers.append(name, value);
        headers
    }

    /// The first value of this name, whatever its case.
    pub fn get(&self, name: impl AsRef<str>) -> Option<&HeaderValue> {
        self.position(name.as_ref()).map(|at| &self.0[at].1)
    }

    /// All values of this name, whatever its case, in order.
    pub fn get_all(&self, name: impl AsRef<str>) -> impl Iterator<Item = &HeaderValue> {
        self.iter()
            .filter(move |(known, _)| known.as_str().eq_ignore_ascii_case(name.as_ref()))
            .map(|(_, value)| value)
    }

    /// Whether there is a field of this name, whatever its case.
    pub fn contains(&self, name: impl AsRef<str>) -> bool {
        self.position(name.as_ref()).is_some()
    }

    /// Makes `value` the only one of this name, at the place of the first.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        let Some(first) = self.position(name.as_str()) else { return self.append(name, value) };
        let mut at = 0;
        self.0.retain(|(known, _)| {
            at += 1;
            at <= first + 1 || *known != name
        });
        self.0[first].1 = value;
    }

    /// Adds a value, after others of the same name.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// Removes all values of this name, whatever its case. Returns how many there were.
    pub fn remove(&mut self, name: impl AsRef<str>) -> usize {
        let before = self.0.len();
        self.0.retain(|(known, _)| !known.as_str().eq_ignore_ascii_case(name.as_ref()));
        before - self.0.len()
    }

    /// All fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Extend<(HeaderName, HeaderValue)> for Headers {
    fn extend<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(&mut self, fields: I) {
        self.0.extend(fields);
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Headers {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl IntoIterator for Headers {
    type Item = (HeaderName, HeaderValue);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self.0.into_iter())
    }
}

/// The fields of [`Headers`], by value.
#[derive(Debug)]
pub struct IntoIter(smallvec::IntoIter<[(HeaderName, HeaderValue); INLINE_FIELDS]>);

impl Iterator for IntoIter {
    type Item = (HeaderName, HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        let mut headers = Self::new();
        let mut last = None;
        // A map names only the first of several values.
        for (name, value) in map {
            last = name.or(last);
            if let Some(name) = &last {
                headers.append(name.clone(), value);
            }
        }
        headers
    }
}

impl TryFrom<Headers> for HeaderMap {
    type Error = http::Error;

    /// Fails past the 32,768 fields that a map holds.
    fn try_from(headers: Headers) -> Result<Self, http::Error> {
        let mut map = Self::new();
        for (name, value) in headers {
            map.try_append(name, value)?;
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, VARY};

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn setting_replaces_all_values_in_the_place_of_the_first() {
        let mut headers = Headers::new();
        for (name, text) in [(VARY, "a"), (ACCEPT, "b"), (VARY, "c"), (ACCEPT, "d"), (VARY, "e")] {
            headers.append(name, value(text));
        }
        headers.set(VARY, value("f"));
        let fields: Vec<_> = headers.into_iter().collect();
        assert_eq!(fields, [(VARY, value("f")), (ACCEPT, value("b")), (ACCEPT, value("d"))]);
    }

    #[test]
    fn maps_and_headers_hold_the_same_fields_in_the_same_order_per_name() {
        let mut headers = Headers::new();
        for text in ["1", "2", "3", "4", "5", "6"] {
            headers.append(VARY, value(text));
            headers.append(ACCEPT, value(text));
        }
        let map = HeaderMap::try_from(headers.clone()).expect("a few fields");
        let back = Headers::from(map);
        assert_eq!(back.len(), headers.len());
        for name in [VARY, ACCEPT] {
            assert!(back.get_all(&name).eq(headers.get_all(&name)));
        }
    }
}
