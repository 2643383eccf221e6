//! The routes of paths without parameters, to be found by a path as it was sent. A second look-up beside
//! the tree of all paths, which it never contradicts: there, too, a path that is written out wins.

use super::path;

/// Routes by the length of their paths, then in the order of these.
#[derive(Clone, Default)]
pub(super) struct FixedPaths(Vec<Vec<(Box<[u8]>, usize)>>);

impl FixedPaths {
    /// Adds a pattern without parameters that was not there before.
    pub(super) fn insert(&mut self, pattern: &str, route: usize) {
        let path = path::unescape(pattern).into_bytes().into_boxed_slice();
        if self.0.len() <= path.len() {
            self.0.resize_with(path.len() + 1, Vec::new);
        }
        let routes = &mut self.0[path.len()];
        let at = routes.partition_point(|(known, _)| *known < path);
        routes.insert(at, (path, route));
    }

    /// The route of a path. One that is encoded, but need not be, is not found.
    pub(super) fn find(&self, path: &[u8]) -> Option<usize> {
        let routes = self.0.get(path.len())?.as_slice();
        if let [(only, route)] = routes {
            return (**only == *path).then_some(*route);
        }
        let at = routes.binary_search_by(|(known, _)| (**known).cmp(path)).ok()?;
        Some(routes[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_as_they_were_written_and_nothing_else_is() {
        let patterns = ["/", "/b", "/a", "/ab", "/{{x}}", "/up%2F", "/c", "/caf\u{e9}"];
        let mut paths = FixedPaths::default();
        for (route, pattern) in patterns.iter().enumerate() {
            paths.insert(pattern, route);
        }
        for (path, route) in
            [("/", 0), ("/b", 1), ("/a", 2), ("/ab", 3), ("/{x}", 4), ("/up%2F", 5), ("/c", 6)]
        {
            assert_eq!(paths.find(path.as_bytes()), Some(route), "{path}");
        }
        for path in ["", "/d", "/abc", "/{{x}}", "/up%2f", "/caf%C3%A9", "/a much longer one"] {
            assert_eq!(paths.find(path.as_bytes()), None, "{path}");
        }
    }
}
