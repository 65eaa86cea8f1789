use std::sync::Arc;

use clock::Clock;
use custom_api::CustomApi;
use egress::Egress;
use engine::{Error, Source};
use hub::Connection;

use crate::setup::Setup;

/// Custom APIs, as their configurations declare them.
pub(super) struct CustomApis {
    egress: Egress,
    clock: Arc<dyn Clock>,
}

impl CustomApis {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            egress: setup.settings.egress.clone(),
            clock: Arc::clone(&setup.clock),
        }
    }

    pub(super) fn connect(&self, connection: Connection<'_>) -> Result<Box<dyn Source>, Error> {
        let credentials = connection.credentials.as_map().clone();
        let source = CustomApi::new(
            connection.config,
            credentials,
            self.egress.clone(),
            Arc::new(connection.tokens),
            Arc::clone(&self.clock),
            random_seed(),
        )?;
        Ok(Box::new(source))
    }
}

/// Without randomness from the system all processes would wait the same; better than not working.
fn random_seed() -> u64 {
    let mut bytes = [0_u8; 8];
    let _ = state::Entropy::fill(&state::SystemEntropy, &mut bytes);
    u64::from_ne_bytes(bytes)
}
