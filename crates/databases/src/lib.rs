#![doc = include_str!("../README.md")]

mod connect;
mod encode;
mod errors;
mod files;
mod gather;
mod mysql;
mod plan;
mod position;
mod postgres;
mod reader;
mod scan;
mod session;
mod source;
mod sqlite;
mod table;
mod tls;

pub use connect::connect;
pub use files::{LocalFiles, NoFiles, SqliteFile, SqliteFiles};
