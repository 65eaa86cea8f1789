//! The Lambda function `salesiq-webhook`; see the crate `ticketing` for how a chat goes on.

use ticket_function::Function;

fn main() -> Result<(), lambda_runtime::Error> {
    ticket_function::main(Function::SalesiqWebhook)
}
