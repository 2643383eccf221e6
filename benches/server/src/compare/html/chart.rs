//! Plots as SVG: a frame with axes, lines with marks, and stacked bars. Knows nothing of reports: what is
//! drawn, and what it is called, comes from `plots`. Colours and fonts are in `chart.css`.
//!
//! A series is told apart by its colour, its dashes and the shape of its marks, so that it can be told
//! without one of them.

mod axis;
mod bars;
mod lines;

use maud::{Markup, PreEscaped, html};

pub(super) use axis::{Axis, Span, Tick};
pub(super) use bars::{Bar, BarChart};
pub(super) use lines::{LineChart, Series};

/// Colours, dashes and marks that there are; they begin again after the last.
const LOOKS: usize = 8;

/// How a series looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// By the place of the server among all.
    Server(usize),
    Noise,
}

impl Look {
    fn class(self) -> String {
        match self {
            Self::Server(index) => format!("s{}", index % LOOKS),
            Self::Noise => "noise".to_owned(),
        }
    }

    /// Drawn about a point.
    fn mark(self, x: f64, y: f64) -> Markup {
        let class = format!("mark {}", self.class());
        let shape = match self {
            Self::Noise => "M-3 0H3",
            Self::Server(index) => MARKS[index % LOOKS],
        };
        html! { path class=(class) transform=(format!("translate({} {})", px(x), px(y))) d=(shape) {} }
    }
}

/// Circle, square, triangle, diamond, triangle upside down, plus, cross, bar.
const MARKS: [&str; LOOKS] = [
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0Z",
    "M-3-3H3V3H-3Z",
    "M0-4L3.8 2.8H-3.8Z",
    "M0-4.4L4.4 0L0 4.4L-4.4 0Z",
    "M0 4L3.8-2.8H-3.8Z",
    "M-1.3-4H1.3V-1.3H4V1.3H1.3V4H-1.3V1.3H-4V-1.3H-1.3Z",
    "M-4-2L-2-4L0-2L2-4L4-2L2 0L4 2L2 4L0 2L-2 4L-4 2L-2 0Z",
    "M-1.5-4.2H1.5V4.2H-1.5Z",
];

/// Widths in the units of the drawing, which are the pixels of a phone.
const WIDTH: f64 = 390.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 18.0;
const TITLE_Y: f64 = 16.0;
const LEGEND_ROW: f64 = 17.0;
/// Letters that a legend has room for in one column of two.
const LEGEND_LETTERS: usize = 24;

/// Whether a drawing has its page's style or brings its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Page,
    File,
}

/// Of pages and of drawings in files of their own.
pub(super) const STYLE: &str = include_str!("chart.css");

/// A drawing with what those hear who cannot see it.
fn drawing(place: Place, title: &str, description: &str, height: f64, content: &Markup) -> Markup {
    // On a page the figure about it leaves room.
    let room = if place == Place::File { 14.0 } else { 0.0 };
    let view = [-room, -room, WIDTH + 2.0 * room, height + 2.0 * room].map(px).join(" ");
    html! {
        svg.chart role="img" xmlns="http://www.w3.org/2000/svg" viewBox=(view) {
            title { (title) }
            desc { (description) }
            @if place == Place::File {
                style { (PreEscaped(STYLE)) }
                rect.ground x=(px(-room)) y=(px(-room)) width="100%" height="100%" {}
            }
            text.title x="0" y=(px(TITLE_Y)) { (shortened(title, 47)) }
            (content)
        }
    }
}

/// The names of the series, in two columns from `top` on, each with its mark and, where lines join
/// them, its line.
fn legend(entries: &[(Look, &str, bool)], top: f64) -> Markup {
    html! {
        @for (index, (look, name, joined)) in entries.iter().enumerate() {
            @let x = if index % 2 == 0 { 2.0 } else { WIDTH / 2.0 };
            @let y = top + LEGEND_ROW * as_float(index / 2);
            @if *joined {
                @let class = format!("line {}", look.class());
                line class=(class) x1=(px(x)) y1=(px(y)) x2=(px(x + 26.0)) y2=(px(y)) {}
            }
            (look.mark(x + 13.0, y))
            text.name x=(px(x + 32.0)) y=(px(y + 4.0)) { (shortened(name, LEGEND_LETTERS)) }
        }
    }
}

fn legend_height(entries: usize) -> f64 {
    LEGEND_ROW * as_float(entries.div_ceil(2).saturating_sub(1)) + 8.0
}

/// A coordinate with a tenth of a pixel.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// At most so many letters.
fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters - 1).chain(['…']).collect()
}

#[allow(clippy::cast_precision_loss, reason = "numbers of series and bars are small")]
fn as_float(count: usize) -> f64 {
    count as f64
}
