//! What users declare, read and checked.

mod auth;
mod keys;
mod paging_read;
mod read;
mod rules;
mod simple;
mod stream;
mod stream_read;

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

pub(crate) use auth::{
    Algorithm, Auth, ClientAuthentication, Encoding, Grant, KeyPlace, OAuth, Signing, Stamp,
};
pub(crate) use read::read;
pub(crate) use rules::{Action, ErrorRule};
pub(crate) use stream::{BodyFormat, Cursor, Format, Pagination, Place, Source, Stream, Verb};

/// A whole declaration.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Ends with `/`.
    pub(crate) base: Url,
    pub(crate) auth: Auth,
    /// May hold `{credentials.…}`.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) test: Option<Test>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) rate: Rate,
    pub(crate) limits: Limits,
}

/// The request that proves that address and credentials work.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) path: String,
    pub(crate) verb: Verb,
    pub(crate) body: Option<serde_json::Value>,
}

/// How fast to call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Least time between two calls.
    pub(crate) apart: Duration,
    /// Most calls in flight.
    pub(crate) at_once: u32,
    /// Times a failing call is sent in all.
    pub(crate) attempts: u32,
}

/// Bounds on what an API may send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Largest answer, bytes, unpacked.
    pub(crate) bytes: usize,
    /// Most pages of one list.
    pub(crate) pages: u64,
}

impl Config {
    pub(crate) fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.name == name)
    }
}
