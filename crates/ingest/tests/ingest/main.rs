//! Streams read into a bucket.

mod deaths;
mod failures;
mod harness;
mod legs;
mod property;
mod refine;
mod script;
