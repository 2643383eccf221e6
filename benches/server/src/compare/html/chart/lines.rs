//! Lines and points over two axes.

use maud::{Markup, html};

use super::axis::Axis;
use super::{LEFT, Look, Place, RIGHT, WIDTH, drawing, legend, legend_height, px};

/// One server's points in the order in which they are joined.
#[derive(Clone, Debug)]
pub(in super::super) struct Series {
    pub(in super::super) name: String,
    pub(in super::super) look: Look,
    /// In the values of the axes.
    pub(in super::super) points: Vec<(f64, f64)>,
    /// Which of them are marked; the others only bend the line.
    pub(in super::super) marked: Vec<(f64, f64)>,
    /// Whether a line joins them.
    pub(in super::super) joined: bool,
}

/// A plot of series.
#[derive(Clone, Debug)]
pub(in super::super) struct LineChart {
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) x: Axis,
    pub(in super::super) y: Axis,
    pub(in super::super) series: Vec<Series>,
}

const TOP: f64 = 44.0;
const PLOT: f64 = 190.0;
const BELOW: f64 = 44.0;

impl LineChart {
    pub(in super::super) fn draw(&self, place: Place) -> Markup {
        let names: Vec<(Look, &str, bool)> = self
            .series
            .iter()
            .map(|series| (series.look, series.name.as_str(), series.joined))
            .collect();
        let top = TOP + PLOT + BELOW + 8.0;
        let height = top + legend_height(names.len());
        let content = html! {
            (self.frame())
            @for series in &self.series { (self.series(series)) }
            (legend(&names, top))
        };
        drawing(place, &self.title, &self.description, height, &content)
    }

    fn frame(&self) -> Markup {
        let bottom = TOP + PLOT;
        html! {
            text.axis x="0" y=(px(TOP - 12.0)) { (self.y.name) }
            text.axis x=(px(WIDTH - RIGHT)) y=(px(bottom + 34.0)) text-anchor="end" { (self.x.name) }
            @for tick in &self.y.ticks {
                @let y = self.y_of(tick.at);
                line.grid x1=(px(LEFT)) y1=(px(y)) x2=(px(WIDTH - RIGHT)) y2=(px(y)) {}
                text.tick x=(px(LEFT - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (tick.name) }
            }
            @for tick in &self.x.ticks {
                @let x = self.x_of(tick.at);
                line.grid x1=(px(x)) y1=(px(TOP)) x2=(px(x)) y2=(px(bottom)) {}
                text.tick x=(px(x)) y=(px(bottom + 16.0)) text-anchor="middle" { (tick.name) }
            }
            line.base x1=(px(LEFT)) y1=(px(bottom)) x2=(px(WIDTH - RIGHT)) y2=(px(bottom)) {}
        }
    }

    fn series(&self, series: &Series) -> Markup {
        let class = format!("line {}", series.look.class());
        html! {
            g {
                title { (series.name) }
                @if series.joined && series.points.len() > 1 {
                    polyline class=(class) points=(self.path(&series.points)) {}
                }
                @for &(x, y) in &series.marked { (series.look.mark(self.x_of(x), self.y_of(y))) }
            }
        }
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let points: Vec<String> = points
            .iter()
            .map(|&(x, y)| format!("{},{}", px(self.x_of(x)), px(self.y_of(y))))
            .collect();
        points.join(" ")
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (WIDTH - RIGHT - LEFT)
    }

    fn y_of(&self, value: f64) -> f64 {
        TOP + (1.0 - self.y.share(value)) * PLOT
    }
}
