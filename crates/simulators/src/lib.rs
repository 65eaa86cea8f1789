#![doc = include_str!("../README.md")]

pub mod aws;
pub mod lambda;
pub mod zoho;
