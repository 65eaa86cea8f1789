//! The Lambda function `threads`; see the crate `reports` for what it reads.

use reports::Report;

fn main() -> Result<(), lambda_runtime::Error> {
    report_function::main(Report::Threads)
}
