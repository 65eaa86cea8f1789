use egress::Egress;
use engine::{Error, Source};
use futures_util::future::BoxFuture;
use hub::{Connection, Connector};
use hub_function::Setup;

use crate::files::{Bucket, TenantFiles};

/// Makes the sources of databases. Which kind one is, its platform's name says.
#[derive(Debug)]
pub(crate) struct DatabaseConnector {
    egress: Egress,
    bucket: Bucket,
}

impl DatabaseConnector {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            egress: setup.settings.egress.clone(),
            bucket: Bucket::new(&setup.clients.aws.s3, setup.settings.sqlite_max_mb),
        }
    }
}

impl Connector for DatabaseConnector {
    fn connect<'a>(
        &'a self,
        connection: Connection<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Source>, Error>> {
        Box::pin(async move {
            let files = TenantFiles {
                bucket: &self.bucket,
                tenant: &connection.owner.tenant,
                deadline: connection.deadline,
            };
            databases::connect(
                connection.platform.info.name,
                connection.config,
                connection.credentials.as_map(),
                &self.egress,
                &files,
            )
            .await
        })
    }
}
