//! The Lambda function `desk-webhook`; see the crate `desk-events-function` for what it does.

fn main() -> Result<(), lambda_runtime::Error> {
    desk_events_function::desk_webhook()
}
