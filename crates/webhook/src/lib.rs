#![doc = include_str!("../README.md")]

pub mod desk;
mod digest;
mod email;
mod json;
mod media_type;
mod personal;
mod refusal;
pub mod salesiq;

pub use email::EmailAddress;
pub use media_type::json_body;
pub use personal::{MessageText, PersonName, PhoneNumber};
pub use refusal::Refusal;
