//! `bench-server compare`: what a comparison found, and the reports drawn of it.
//!
//! - `model`: what was found; `figures`: numbers as people read them
//! - `verdict`: who did better, where that can be told; `answers`: the three questions people bring
//! - `html`: the report with tables and plots; `markdown`: the short table

mod answers;
mod figures;
mod html;
mod markdown;
mod model;
#[cfg(test)]
mod sample;
mod verdict;
