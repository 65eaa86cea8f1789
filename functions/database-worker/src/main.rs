//! The Lambda function `database-worker`; see the crate `hub` for how an integration is synced. It
//! is the only one that links database drivers.

mod connector;
mod files;

use std::sync::Arc;

use crate::connector::DatabaseConnector;

fn main() -> Result<(), lambda_runtime::Error> {
    hub_function::database_worker(|setup| Arc::new(DatabaseConnector::new(setup)))
}
