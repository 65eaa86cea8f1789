//! The Lambda function `integrations-api`; see the crate `hub-function` for its routes.

fn main() -> Result<(), lambda_runtime::Error> {
    hub_function::integrations_api()
}
