//! The Lambda function `ticket-api`; see the crate `ticket-function` for its routes.

use ticket_function::Function;

fn main() -> Result<(), lambda_runtime::Error> {
    ticket_function::main(Function::TicketApi)
}
