//! What events look like as bytes, and that a client recovers from the bytes what was put in.

mod decoder;
mod properties;
mod streams;
mod vectors;
