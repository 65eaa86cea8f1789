use std::sync::{Arc, Mutex, PoisonError};

use clock::Clock;
use desk_account::DeskAccount;
use engine::{Error, Kind, Source};
use hub::{Connection, Owner};
use lambda_kit::{Aws, Env, ErrorType, Failure};
use reports::DeskSource;
use serde_json::Value;
use zoho_desk::EntityId;

use crate::aws::SecretsVault;
use crate::setup::Setup;

/// Accounts of Zoho Desk, each by its integration's own secret.
///
/// | variable | default |
/// |---|---|
/// | `ZOHO_ACCOUNTS_URL`, `ZOHO_DESK_URL` | those of the integration's data centre |
/// | `MAX_CONCURRENCY` | 5, the least any edition allows |
/// | `CREDIT_RESERVE_PERCENT` | 10 |
pub(super) struct Desks {
    env: Env,
    aws: Aws,
    clock: Arc<dyn Clock>,
    bucket: String,
    vault: SecretsVault,
    /// The account of the job before, with its connections: the next job is often another leg.
    last: Mutex<Option<Known>>,
}

struct Known {
    owner: Owner,
    data_centre: String,
    account: Arc<DeskAccount>,
}

/// What is the deployment's, and not the integration's.
const SHARED: [&str; 4] = [
    "ZOHO_ACCOUNTS_URL",
    "ZOHO_DESK_URL",
    "MAX_CONCURRENCY",
    "CREDIT_RESERVE_PERCENT",
];

impl Desks {
    pub(super) fn new(setup: &Setup) -> Result<Self, Failure> {
        // What makes no sense fails the start, not the first sync.
        desk_account::Settings::from_env(&shared(&setup.env))?;
        Ok(Self {
            env: setup.env.clone(),
            aws: setup.clients.aws.clone(),
            clock: Arc::clone(&setup.clock),
            bucket: setup.settings.bucket.clone(),
            vault: SecretsVault::new(
                setup.clients.aws.secrets.clone(),
                &setup.settings.secret_prefix,
            ),
            last: Mutex::new(None),
        })
    }

    pub(super) async fn connect(
        &self,
        connection: &Connection<'_>,
    ) -> Result<Box<dyn Source>, Error> {
        let text = |name: &str| connection.config.get(name).and_then(Value::as_str);
        let data_centre = text("data_center").unwrap_or("us");
        let department: Option<EntityId> = text("department_id")
            .map(str::parse)
            .transpose()
            .map_err(|why| {
                Error::new(Kind::InvalidConfig, format!("config.department_id {why}"))
            })?;
        let account = self.account(connection.owner, data_centre)?;
        let secret = self.vault.name(connection.owner);
        let secret = secret
            .parse()
            .map_err(|why| Error::new(Kind::Internal, format!("the secret's name {why}")))?;
        let visit = account
            .begin(Some(&secret), &self.bucket, connection.deadline)
            .await
            .map_err(of_failure)?;
        let source = DeskSource::new(visit.desk().clone()).in_department(department);
        Ok(Box::new(source))
    }

    fn account(&self, owner: &Owner, data_centre: &str) -> Result<Arc<DeskAccount>, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*last
            && known.owner == *owner
            && known.data_centre == data_centre
        {
            return Ok(Arc::clone(&known.account));
        }
        let centre = ("ZOHO_DATA_CENTER", data_centre);
        let env = SHARED
            .iter()
            .filter_map(|name| Some((*name, self.env.text(name)?)))
            .chain([centre])
            .collect();
        let settings = desk_account::Settings::from_env(&env).map_err(of_failure)?;
        let account = DeskAccount::new(settings, self.aws.clone(), Arc::clone(&self.clock));
        let account = Arc::new(account.map_err(of_failure)?);
        *last = Some(Known {
            owner: owner.clone(),
            data_centre: data_centre.to_owned(),
            account: Arc::clone(&account),
        });
        Ok(account)
    }
}

fn shared(env: &Env) -> Env {
    let set = SHARED
        .iter()
        .filter_map(|name| Some((*name, env.text(name)?)));
    set.collect()
}

fn of_failure(failure: Failure) -> Error {
    let kind = match failure.error_type {
        ErrorType::AuthRequired => Kind::AuthRequired,
        ErrorType::ScopeMissing => Kind::ScopeMissing,
        ErrorType::PlanRequired => Kind::PlanRequired,
        ErrorType::QuotaExhausted => Kind::QuotaExhausted,
        ErrorType::RateLimited => Kind::RateLimited,
        ErrorType::Upstream => Kind::Upstream,
        ErrorType::InvalidEvent | ErrorType::SecretInvalid => Kind::InvalidConfig,
        ErrorType::DeadlineExceeded => Kind::DeadlineExceeded,
        ErrorType::StorageDenied | ErrorType::Internal => Kind::Internal,
    };
    Error::new(kind, failure.message)
}
