#![doc = include_str!("../README.md")]

mod check;
mod config;
mod convention;
mod dialect;
mod mark;
mod platform;
mod scan;
mod settings;
mod value;

pub use check::{Select, Unfit};
pub use config::{Config, CursorChoice, FilePlace, Place, Query, Server, Table, Tls};
pub use convention::change_column;
pub use dialect::{Bind, Dialect, Kind, ReadAs};
pub use mark::{CursorKind, Mark, lowered};
pub use platform::{DATABASE, MARIADB, MYSQL, PLATFORMS, POSTGRESQL, SQLITE};
pub use scan::{Bound, Column, From, KeyColumn, Scan, Statement, any_null, may_read};
pub use value::Value;
