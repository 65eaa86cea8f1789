//! The Lambda function `desk-events`; see the crate `desk-events-function` for what it does.

fn main() -> Result<(), lambda_runtime::Error> {
    desk_events_function::desk_events()
}
