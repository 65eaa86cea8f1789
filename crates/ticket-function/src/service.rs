use std::sync::Arc;

use chat::Catalogue;
use clock::Clock;
use desk_account::DeskAccount;
use jiff::Timestamp;
use lambda_kit::{Env, ErrorType, Failure};
use notify::Templates;
use state::{Retention, State, SystemEntropy, Table};
use ticketing::{Conversations, Desks, Figures, Notifications, Outbox, Parts, People, Tickets};
use tracing::error;

use crate::cached::Cached;
use crate::clients::Clients;
use crate::config::{ConfigError, Sources, Texts};
use crate::desks::AccountDesks;
use crate::outbox::SqsOutbox;

/// The ticket service with everything that lives as long as the process. Users' settings and
/// workflows are read again every five minutes.
#[derive(Debug)]
pub struct Service {
    clock: Arc<dyn Clock>,
    state: State,
    desks: Arc<dyn Desks>,
    outbox: Arc<dyn Outbox>,
    sources: Sources,
    current: Cached<Current>,
}

/// What was made of the files.
#[derive(Debug)]
struct Current {
    texts: Texts,
    parts: Arc<Parts>,
}

impl Service {
    /// Wires the service. Only a missing table is an error: everything else is told to who first
    /// needs it.
    pub fn new(env: &Env, clients: &Clients, clock: Arc<dyn Clock>) -> Result<Arc<Self>, Failure> {
        let name = env.text("STATE_TABLE").ok_or_else(|| {
            Failure::new(
                ErrorType::InvalidEvent,
                "no table is configured; set the environment variable STATE_TABLE",
            )
        })?;
        let table = Table::new(clients.dynamodb.clone(), name, Arc::clone(&clock));
        let account = desk_account::Settings::from_env(env)
            .map(desk_account::Settings::without_reserve)
            .and_then(|settings| {
                DeskAccount::new(settings, clients.aws.clone(), Arc::clone(&clock))
            });
        let bucket = env.text("BUCKET").unwrap_or_default().to_owned();
        let queue = |variable| env.text(variable).map(str::to_owned);
        let outbox = SqsOutbox::new(
            clients.sqs.clone(),
            queue("TICKET_JOBS_QUEUE_URL"),
            queue("NOTIFICATIONS_QUEUE_URL"),
        );
        Ok(Arc::new(Self {
            state: State::new(&table, Retention::default(), Arc::new(SystemEntropy)),
            desks: Arc::new(AccountDesks::new(account, bucket)),
            outbox: Arc::new(outbox),
            sources: Sources::from_env(env, clients.aws.s3.clone()),
            current: Cached::new("ticket settings"),
            clock,
        }))
    }

    /// Reads what will be needed, in INIT, where processor time is plenty. What fails is told to
    /// the first request.
    pub async fn warm_up(&self) {
        if let Err(problem) = self.parts().await {
            error!(error = %problem, "the ticket settings cannot be used");
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) async fn conversations(&self) -> Result<Conversations, ConfigError> {
        Ok(Conversations::new(self.parts().await?))
    }

    pub(crate) async fn tickets(&self) -> Result<Tickets, ConfigError> {
        Ok(Tickets::new(self.parts().await?))
    }

    pub(crate) async fn notifications(&self) -> Result<Notifications, ConfigError> {
        Ok(Notifications::new(self.parts().await?))
    }

    pub(crate) async fn people(&self) -> Result<People, ConfigError> {
        Ok(People::new(self.parts().await?))
    }

    pub(crate) async fn figures(&self) -> Result<Figures, ConfigError> {
        Ok(Figures::new(self.parts().await?))
    }

    pub(crate) async fn parts(&self) -> Result<Arc<Parts>, ConfigError> {
        let current = self
            .current
            .get(self.now(), |last| async move {
                let texts = self.sources.read().await?;
                match last {
                    Some(last) if last.texts == texts => Ok(last),
                    _ => {
                        let (settings, catalogue) = texts.parse()?;
                        let parts = Arc::new(self.made_of(settings, catalogue)?);
                        Ok(Arc::new(Current { texts, parts }))
                    }
                }
            })
            .await?;
        Ok(Arc::clone(&current.parts))
    }

    fn made_of(
        &self,
        settings: ticketing::Settings,
        catalogue: Catalogue,
    ) -> Result<Parts, ConfigError> {
        let templates = Templates::built_in().map_err(|error| ConfigError::Invalid {
            place: "mail templates".to_owned(),
            why: error.to_string(),
        })?;
        let retention = Retention {
            chats_days: settings.retention_days,
            ..Retention::default()
        };
        Ok(Parts {
            state: State::new(&self.state.table, retention, Arc::new(SystemEntropy)),
            catalogue,
            settings,
            desks: Arc::clone(&self.desks),
            outbox: Arc::clone(&self.outbox),
            templates,
            clock: Arc::clone(&self.clock),
        })
    }
}
