//! The broker against stand-ins of AWS and Zoho, as processes see it: each `Broker` is one.

mod life_cycle;
mod refusals;
mod secrecy;
mod sharing;
mod storage;
mod world;
