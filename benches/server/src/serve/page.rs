//! The page at `/`: its parts put into one document, so that nothing is loaded from elsewhere.

use std::sync::LazyLock;

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let script = [
        include_str!("page/figures.js"),
        include_str!("page/dashboard.js"),
        include_str!("page/events.js"),
        include_str!("page/streams.js"),
    ];
    include_str!("page/page.html")
        .replacen("/* page.css */", include_str!("page/page.css"), 1)
        .replacen("/* scripts */", &script.join("\n"), 1)
});

pub(super) fn text() -> &'static str {
    &PAGE
}
