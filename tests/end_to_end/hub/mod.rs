//! The integrations hub, as its users meet it: over HTTP and by its command line.

mod caller;
mod cli;
mod document;
mod life;
mod refusals;
mod samples;
