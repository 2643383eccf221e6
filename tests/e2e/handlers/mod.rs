//! Handlers: what reaches them, what becomes of their answers, and that they harm nobody else.

mod answers;
mod middleware;
mod panics;
mod pending;
mod routing;
