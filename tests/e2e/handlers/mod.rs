//! Handlers: what reaches them, what becomes of their answers, and that they harm nobody else.

mod answers;
mod blocking;
mod detached;
mod kinds;
mod middleware;
mod panics;
mod pending;
mod responders;
mod routing;
mod slow;
