//! The Lambda function `compact`; see the crate `table` for what it writes.

fn main() -> Result<(), lambda_runtime::Error> {
    compact_function::main()
}
