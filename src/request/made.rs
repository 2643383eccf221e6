//! The head of a request that did not come over the wire, or was changed since.

use crate::headers::Headers;
use headwater_http::Head;
use http::{Method, Uri, Version};
use std::ops::Range;

pub(crate) struct Made {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    target: String,
    /// None stands for `/`.
    path: Option<Range<usize>>,
    query: Option<Range<usize>>,
    authority: Option<Range<usize>>,
}

impl Made {
    pub(crate) fn new(method: Method, uri: &Uri, version: Version, headers: Headers) -> Self {
        let target = uri.to_string();
        let (path, query) = (uri.path(), uri.query());
        let authority = uri.authority().map(http::uri::Authority::as_str);
        Self::split(method, version, headers, target, path, query, authority)
    }

    pub(crate) fn copy_of(head: &Head, version: Version, headers: Headers) -> Self {
        let target = head.target().to_owned();
        let own = head.authority().filter(|_| !target.starts_with('/') && target != "*");
        let (method, path, query) = (head.method().clone(), head.path(), head.query());
        Self::split(method, version, headers, target, path, query, own)
    }

    /// Finds the parts in the target, whose end are path and query. Where the authority's text stands
    /// first does not matter.
    fn split(
        method: Method,
        version: Version,
        headers: Headers,
        target: String,
        path: &str,
        query: Option<&str>,
        authority: Option<&str>,
    ) -> Self {
        let end = target.len() - query.map_or(0, |query| query.len() + 1);
        let begin =
            end.checked_sub(path.len()).filter(|&begin| target.get(begin..end) == Some(path));
        let authority = authority.and_then(|part| {
            let begin = target.find(part)?;
            Some(begin..begin + part.len())
        });
        let query = query.map(|_| end + 1..target.len());
        let path = begin.map(|begin| begin..end);
        Self { method, version, headers, target, path, query, authority }
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    pub(crate) fn path(&self) -> &str {
        self.path.clone().map_or("/", |path| &self.target[path])
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.query.clone().map(|query| &self.target[query])
    }

    pub(crate) fn authority(&self) -> Option<&str> {
        match self.authority.clone() {
            Some(authority) => Some(&self.target[authority]),
            None => self.headers.get("host")?.to_str().ok(),
        }
    }
}
