#![doc = include_str!("../README.md")]

mod auth;
mod body;
mod config;
mod exchange;
mod failure;
mod hmac;
mod jsonpath;
mod judge;
mod oauth;
mod paging;
mod platform;
mod position;
mod reader;
mod request;
mod source;
mod span;
mod template;
mod time_format;
mod vault;
mod walk;

pub use platform::{CONFIG_SCHEMA, CUSTOM_API};
pub use source::{Credentials, CustomApi};
pub use template::{Template, templates};
pub use vault::{MemoryVault, TokenLease, TokenVault, Tokens};
