//! The Lambda function `ticket-worker`; see the crate `ticketing` for how a ticket is made.

use ticket_function::Function;

fn main() -> Result<(), lambda_runtime::Error> {
    ticket_function::main(Function::TicketWorker)
}
