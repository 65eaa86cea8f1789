#![doc = include_str!("../README.md")]

pub mod aws;
pub mod lambda;
mod rsa;
pub mod salesiq;
pub mod zoho;

pub use rsa::SigningKey;
