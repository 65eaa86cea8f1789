#![doc = include_str!("../README.md")]

mod budget;
mod call;
mod client;
mod deadline;
mod error;
mod limiter;
mod origin;
mod retry;
mod token;

pub use budget::{Budget, Cost, Credits};
pub use call::{Answer, Call, Vendor, Verdict};
pub use client::{Client, Resolver, Settings, Usage};
pub use deadline::Deadline;
pub use error::Error;
pub use limiter::{Limiter, Permit};
pub use origin::{Origin, OriginError};
pub use retry::Backoff;
pub use token::{AccessToken, TokenError, TokenErrorKind, TokenFuture, TokenSource};

pub use reqwest::{Method, StatusCode, header};
