use std::sync::Arc;

use axum::Router;
use clock::{Clock, SystemClock};
use hub::{Connector, Hub, HubParts, WorkerKind, WorkerParts};
use lake::Lake;
use lambda_kit::{Env, Failure};
use records::Records;
use state::{ApiKeys, Entropy, RateLimits, SystemEntropy, Table};

use crate::api;
use crate::aws::{SchedulerSchedules, SecretsVault, SnsAlerts, SqsQueues};
use crate::clients::Clients;
use crate::platforms::platforms;
use crate::settings::Settings;
use crate::worker::HubWorker;

/// What lives as long as a function's process.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The environment.
    pub env: Env,
    /// What it says.
    pub settings: Settings,
    /// AWS.
    pub clients: Clients,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Setup {
    /// Reads the process' environment and builds the clients, in INIT. Nothing is sent.
    pub async fn of_process() -> Result<Self, Failure> {
        let env = Env::of_process();
        lambda_kit::start_telemetry(&env);
        let clients = Box::pin(Clients::connect(&env)).await;
        Self::new(env, clients, Arc::new(SystemClock))
    }

    /// The setup of these parts.
    pub fn new(env: Env, clients: Clients, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Ok(Self {
            settings: Settings::from_env(&env)?,
            env,
            clients,
            clock,
        })
    }

    /// The hub on AWS.
    pub fn hub(&self) -> Hub {
        let settings = &self.settings;
        let clients = &self.clients;
        Hub::new(HubParts {
            table: self.table(),
            vault: Arc::new(SecretsVault::new(
                clients.aws.secrets.clone(),
                &settings.secret_prefix,
            )),
            schedules: Arc::new(SchedulerSchedules::new(
                clients.scheduler.clone(),
                settings.schedules.clone(),
                settings.queue_arns.clone(),
            )),
            queue: Arc::new(self.queues()),
            records: Records::new(
                clients.aws.s3.clone(),
                &settings.bucket,
                Arc::clone(&self.clock),
            )
            .with_batch_bytes(settings.merge_bytes),
            platforms: platforms(),
            entropy: Arc::new(SystemEntropy),
            clock: Arc::clone(&self.clock),
        })
    }

    /// The routes of `integrations-api`.
    pub fn router(&self) -> Result<Router, Failure> {
        let table = self.table();
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let keys = ApiKeys::new(table.clone(), entropy);
        let rate = RateLimits::new(table);
        api::router(&self.env, self.hub(), &keys, &rate, Arc::clone(&self.clock))
    }

    /// The worker of `kind`, which makes its sources with `connector`.
    pub fn worker(
        &self,
        kind: WorkerKind,
        connector: Arc<dyn Connector>,
    ) -> Result<HubWorker, Failure> {
        let hub = self.hub();
        let worker = hub::Worker::new(WorkerParts {
            hub: hub.clone(),
            lake: Lake::new(
                self.clients.aws.s3.clone(),
                self.settings.bucket.clone(),
                Arc::clone(&self.clock),
            ),
            connector,
            alerts: Arc::new(SnsAlerts::new(
                self.clients.sns.clone(),
                self.settings.alert_topic_arn.clone(),
            )),
        });
        HubWorker::new(self, kind, hub, worker)
    }

    pub(crate) fn queues(&self) -> SqsQueues {
        SqsQueues::new(self.clients.sqs.clone(), self.settings.queue_urls.clone())
    }

    fn table(&self) -> Table {
        let client = self.clients.dynamodb.clone();
        Table::new(client, &self.settings.table, Arc::clone(&self.clock))
    }
}
