#![doc = include_str!("../README.md")]

mod event;
mod failure;
mod function;

pub use function::{Finished, Function, Skipped};

use std::sync::Arc;

use clock::SystemClock;
use lambda_kit::Env;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

/// Runs the function until Lambda stops it: the whole of its `main`.
pub fn main() -> Result<(), lambda_runtime::Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve())
}

async fn serve() -> Result<(), lambda_runtime::Error> {
    let env = Env::of_process();
    lambda_kit::start_telemetry(&env);
    let aws = lambda_kit::connect(&env).await;
    let function = Function::new(&env, aws.s3, Arc::new(SystemClock));
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        function.invoke(event.payload, event.context)
    }))
    .await
}
