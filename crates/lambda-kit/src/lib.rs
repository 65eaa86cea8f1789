#![doc = include_str!("../README.md")]

mod aws;
mod causes;
mod env;
mod failure;
mod invocation;
mod metrics;
mod telemetry;

pub use aws::{Aws, connect};
pub use causes::causes;
pub use env::{Env, EnvError};
pub use failure::{ErrorType, Failure};
pub use invocation::{account_of, time_left};
pub use metrics::{Metric, Unit, emit, emit_by};
pub use telemetry::start as start_telemetry;
