//! The Lambda function `integrations-worker`; see the crate `hub` for how an integration is synced.

fn main() -> Result<(), lambda_runtime::Error> {
    hub_function::integrations_worker()
}
