//! The Lambda function `send-notifications`; see the crate `notify` for the mails.

use ticket_function::Function;

fn main() -> Result<(), lambda_runtime::Error> {
    ticket_function::main(Function::SendNotifications)
}
