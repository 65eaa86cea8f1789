#![doc = include_str!("../README.md")]

mod error;
mod piece;
mod platform;
mod schema;
mod source;
mod stream;

pub use error::{Error, Kind};
pub use piece::{Gap, NotAnObject, Parent, Piece};
pub use platform::{Action, PlatformInfo, Problem, Setting, SettingKind};
pub use source::{Checked, Mode, Reader, Reading, Source, Stop, Used};
pub use stream::{Field, FieldKind, Stream};
