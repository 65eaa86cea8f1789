//! Configurations out of one place and into another, without secrets.

use engine::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use state::TenantId;

use crate::definition::{Definition, NewIntegration, StreamChoice, Switch};
use crate::error::Error;
use crate::hub::Hub;
use crate::owner::IntegrationId;
use crate::secret::Credentials;
use crate::settings;

const PAGE: u32 = 100;
const MOST_AT_ONCE: usize = 100;

/// An integration without what is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Configuration {
    /// For people.
    pub name: String,
    /// Its platform.
    #[serde(rename = "type")]
    pub platform: String,
    /// Settings, none of them secret.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Whether it syncs.
    pub status: Switch,
    /// Minutes between two syncs.
    pub sync_interval: u32,
    /// Hours between two full runs of a stream with a cursor.
    pub full_every: u32,
    /// The streams to sync.
    #[serde(default)]
    pub streams: Vec<StreamChoice>,
    /// How rows are changed on their way in.
    #[serde(default)]
    pub mapping: Map<String, Value>,
    /// The secret settings that were there, to be given again.
    #[serde(default)]
    pub credentials_needed: Vec<String>,
}

/// What became of one configuration.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// Its name.
    pub name: String,
    /// The new integration, if it could be made.
    pub id: Option<IntegrationId>,
    /// The credentials that it lacks; it is inactive until they are there.
    pub needs_credentials: Vec<String>,
    /// Why it could not be made.
    pub problems: Vec<Problem>,
}

impl Hub {
    /// All integrations of the tenant's, without secrets.
    pub async fn export_configurations(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<Configuration>, Error> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self
                .store
                .definitions(tenant, PAGE, cursor.as_deref())
                .await?;
            for stored in page.items {
                if stored.value.removal.is_none() {
                    all.push(exported(stored.value)?);
                }
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Makes an integration of each configuration. Those that need credentials are inactive.
    pub async fn import_configurations(
        &self,
        tenant: &TenantId,
        configurations: Vec<Configuration>,
    ) -> Result<Vec<Imported>, Error> {
        if configurations.len() > MOST_AT_ONCE {
            return Err(Error::invalid(
                "integrations",
                "must be 100 at most at a time",
            ));
        }
        let mut results = Vec::new();
        for configuration in configurations {
            results.push(self.import_one(tenant, configuration).await?);
        }
        Ok(results)
    }

    async fn import_one(
        &self,
        tenant: &TenantId,
        configuration: Configuration,
    ) -> Result<Imported, Error> {
        let mut imported = Imported {
            name: configuration.name.clone(),
            id: None,
            needs_credentials: configuration.credentials_needed.clone(),
            problems: Vec::new(),
        };
        if let Some(platform) = self.platforms.find(&configuration.platform) {
            let missing = settings::missing_secrets(&platform.info, &Credentials::default());
            for name in missing {
                if !imported.needs_credentials.iter().any(|known| known == name) {
                    imported.needs_credentials.push(name.to_owned());
                }
            }
        }
        let status = if imported.needs_credentials.is_empty() {
            configuration.status
        } else {
            Switch::Inactive
        };
        let new = NewIntegration {
            name: Some(configuration.name),
            platform: Some(configuration.platform),
            config: Some(configuration.config),
            credentials: None,
            sync_interval: Some(configuration.sync_interval),
            status: Some(status),
            streams: Some(configuration.streams),
            mapping: Some(configuration.mapping),
            full_every: Some(configuration.full_every),
        };
        match self.create(tenant, new, None).await {
            Ok(integration) => imported.id = Some(integration.id),
            Err(Error::Invalid(problems)) => imported.problems = problems,
            Err(error) => return Err(error),
        }
        Ok(imported)
    }
}

fn exported(definition: Definition) -> Result<Configuration, Error> {
    let Ok(Value::Object(mapping)) = serde_json::to_value(&definition.mapping) else {
        return Err(Error::Defect("a mapping does not become JSON"));
    };
    Ok(Configuration {
        name: definition.name,
        platform: definition.platform,
        config: definition.config,
        status: definition.switch,
        sync_interval: definition.sync_interval,
        full_every: definition.full_every,
        streams: definition.streams,
        mapping,
        credentials_needed: definition.secrets,
    })
}
