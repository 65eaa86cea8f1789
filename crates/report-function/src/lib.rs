#![doc = include_str!("../README.md")]

mod config;
mod failure;
mod function;

pub use config::Config;
pub use function::Function;

use std::sync::Arc;

use clock::SystemClock;
use lambda_kit::Env;
use lambda_runtime::{LambdaEvent, service_fn};
use reports::Report;
use serde_json::Value;

/// Runs the function of `report` until Lambda stops it: the whole of each function's `main`.
pub fn main(report: Report) -> Result<(), lambda_runtime::Error> {
    // One thread: a report waits for the vendor nearly all the time, and below 1,769 MB Lambda
    // gives less than one processor.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(report))
}

async fn serve(report: Report) -> Result<(), lambda_runtime::Error> {
    let env = Env::of_process();
    lambda_kit::start_telemetry(&env);
    let aws = lambda_kit::connect(&env).await;
    let function = Function::new(report, &env, aws, Arc::new(SystemClock));
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        function.invoke(event.payload, event.context)
    }))
    .await
}
