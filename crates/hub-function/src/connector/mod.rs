mod custom;
mod desk;

use std::fmt;

use engine::{Error, Kind, Source};
use futures_util::future::BoxFuture;
use hub::{Connection, Connector};
use lambda_kit::Failure;

use self::custom::CustomApis;
use self::desk::Desks;
use crate::setup::Setup;

/// Makes the sources of all platforms that are reached by HTTP. One more platform is one more arm.
pub struct HttpConnector {
    desks: Desks,
    custom: CustomApis,
}

impl HttpConnector {
    /// Nothing is sent.
    pub fn new(setup: &Setup) -> Result<Self, Failure> {
        Ok(Self {
            desks: Desks::new(setup)?,
            custom: CustomApis::new(setup),
        })
    }
}

impl Connector for HttpConnector {
    fn connect<'a>(
        &'a self,
        connection: Connection<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Source>, Error>> {
        Box::pin(async move {
            match connection.platform.info.name {
                "zoho_desk" => self.desks.connect(&connection).await,
                "custom_api" => self.custom.connect(connection),
                other => Err(Error::new(
                    Kind::Internal,
                    format!(
                        "this worker cannot reach the platform {other}; it is another worker's"
                    ),
                )),
            }
        })
    }
}

impl fmt::Debug for HttpConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpConnector")
    }
}
