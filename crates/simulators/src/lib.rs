#![doc = include_str!("../README.md")]

pub mod aws;
pub mod conformance;
pub mod lambda;
pub mod rest;
mod rsa;
pub mod salesiq;
pub mod zoho;

pub use rsa::SigningKey;
