//! Bars of two parts that lie, each with its name above it and its figure behind it.

use maud::{Markup, html};

use super::axis::Axis;
use super::{Place, RIGHT, TITLE_Y, WIDTH, as_float, drawing, px, shortened};

/// One server.
#[derive(Clone, Debug)]
pub(in super::super) struct Bar {
    pub(in super::super) name: String,
    /// The two parts, in the values of the axis; what is not known has no length.
    pub(in super::super) parts: [Option<f64>; 2],
    /// What stands behind the name.
    pub(in super::super) figure: String,
    pub(in super::super) noise: bool,
}

/// Bars one below the other.
#[derive(Clone, Debug)]
pub(in super::super) struct BarChart {
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) axis: Axis,
    /// What the two parts are.
    pub(in super::super) parts: [&'static str; 2],
    pub(in super::super) bars: Vec<Bar>,
}

const LEGEND_Y: f64 = TITLE_Y + 20.0;
const TOP: f64 = 48.0;
const BAR: f64 = 33.0;
const THICK: f64 = 9.0;
const BELOW: f64 = 40.0;

impl BarChart {
    pub(in super::super) fn draw(&self) -> Markup {
        let bottom = TOP + as_float(self.bars.len()) * BAR + 2.0;
        let content = html! {
            (self.legend())
            @for tick in &self.axis.ticks {
                @let x = self.x_of(tick.at);
                line.grid x1=(px(x)) y1=(px(TOP)) x2=(px(x)) y2=(px(bottom)) {}
                text.tick x=(px(x)) y=(px(bottom + 16.0)) text-anchor=(anchor(x)) { (tick.name) }
            }
            text.axis x=(px(WIDTH - RIGHT)) y=(px(bottom + 34.0)) text-anchor="end" { (self.axis.name) }
            @for (index, bar) in self.bars.iter().enumerate() { (self.bar(bar, TOP + as_float(index) * BAR)) }
        };
        drawing(Place::Page, &self.title, &self.description, bottom + BELOW, &content)
    }

    fn legend(&self) -> Markup {
        html! {
            @for (index, name) in self.parts.iter().enumerate() {
                @let x = 1.0 + as_float(index) * WIDTH / 2.0;
                @let class = format!("part p{index}");
                rect class=(class) x=(px(x)) y=(px(LEGEND_Y - 9.0)) width="18" height=(px(THICK)) {}
                text.name x=(px(x + 24.0)) y=(px(LEGEND_Y)) { (name) }
            }
        }
    }

    fn bar(&self, bar: &Bar, y: f64) -> Markup {
        let [first, second] = bar.parts.map(|part| part.unwrap_or(0.0));
        let ends = [0.0, first, first + second].map(|value| self.x_of(value));
        let class = if bar.noise { " noise" } else { "" };
        html! {
            text class=(format!("name bar{class}")) x="1" y=(px(y + 11.0)) { (shortened(&bar.name, 28)) }
            text class=(format!("figure bar{class}")) x=(px(WIDTH - RIGHT)) y=(px(y + 11.0))
                text-anchor="end" { (bar.figure) }
            @for (index, part) in ends.windows(2).enumerate() {
                @if part[1] - part[0] > 0.0 {
                    rect class=(format!("part p{index}{class}")) x=(px(part[0])) y=(px(y + 16.0))
                        width=(px((part[1] - part[0]).max(0.5))) height=(px(THICK)) {}
                }
            }
        }
    }

    fn x_of(&self, value: f64) -> f64 {
        1.0 + self.axis.share(value) * (WIDTH - RIGHT - 1.0)
    }
}

/// Names at the ends stay within the drawing.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 20.0 => "start",
        x if x > WIDTH - 30.0 => "end",
        _ => "middle",
    }
}
