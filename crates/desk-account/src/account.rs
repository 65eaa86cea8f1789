use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use clock::Clock;
use credentials::{Broker, BrokerConfig, OrgId, SecretId, SecretStore};
use lambda_kit::{Aws, ErrorType, Failure};
use tracing::warn;
use vendor_http::{Budget, Client, Deadline, Usage};
use zoho_desk::Desk;

use crate::credits::SharedCredits;
use crate::{Settings, failure};

/// The way to one Zoho Desk account, for the life of a process: clients, brokers with the tokens
/// they know, and what is known of the credits.
#[derive(Debug)]
pub struct DeskAccount {
    settings: Settings,
    aws: Aws,
    clock: Arc<dyn Clock>,
    desk_http: Client,
    token_http: Client,
    brokers: Mutex<HashMap<SecretId, Broker>>,
}

/// The account during one invocation.
#[derive(Debug)]
pub struct Visit {
    desk: Desk,
    org: OrgId,
    http: Client,
    credits: SharedCredits,
    clock: Arc<dyn Clock>,
}

impl DeskAccount {
    /// Builds the clients, once in INIT. Nothing is sent.
    pub fn new(settings: Settings, aws: Aws, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let http = |settings| {
            Client::new(settings).map_err(|error| Failure::new(ErrorType::Internal, error))
        };
        Ok(Self {
            desk_http: http(vendor_http::Settings {
                max_concurrency: settings.max_concurrency,
                credit_reserve_percent: settings.credit_reserve_percent,
                seed: random_seed(),
                ..vendor_http::Settings::default()
            })?,
            token_http: http(vendor_http::Settings {
                attempts: 3,
                max_body: 64 * 1024,
                seed: random_seed(),
                ..vendor_http::Settings::default()
            })?,
            settings,
            aws,
            clock,
            brokers: Mutex::default(),
        })
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The client that all calls to Desk leave through.
    pub fn http(&self) -> &Client {
        &self.desk_http
    }

    /// Calls and credits since the process began.
    pub fn usage(&self) -> Usage {
        self.desk_http.usage()
    }

    /// Begins an invocation: reads the secret, a token if need be, and what other functions heard
    /// of the credits. `secret` replaces the configured one; leases lie in `bucket`.
    pub async fn begin(
        &self,
        secret: Option<&SecretId>,
        bucket: &str,
        deadline: Deadline,
    ) -> Result<Visit, Failure> {
        let (desk, org) = self.enter(secret, bucket, deadline).await?;
        let credits = SharedCredits::new(self.aws.s3.clone(), bucket, org.as_str());
        // A warm process may have last heard of the credits on another day.
        self.budget().forget();
        credits.tell(self.budget(), self.clock.now()).await;
        self.learn_credits(&desk, org.as_str()).await;
        Ok(Visit {
            desk,
            org,
            http: self.desk_http.clone(),
            credits,
            clock: Arc::clone(&self.clock),
        })
    }

    /// The account's client without looking at the credits that others heard of: for a few calls
    /// that must not wait. Use it with [`Settings::without_reserve`].
    pub async fn desk(
        &self,
        secret: Option<&SecretId>,
        bucket: &str,
        deadline: Deadline,
    ) -> Result<Desk, Failure> {
        let (desk, _) = self.enter(secret, bucket, deadline).await?;
        Ok(desk)
    }

    /// The organisation in the secret. Only the secret is read; no token is asked for.
    pub async fn org_id(
        &self,
        secret: Option<&SecretId>,
        deadline: Deadline,
    ) -> Result<OrgId, Failure> {
        let secret_id = secret.unwrap_or(&self.settings.secret_id).clone();
        // Without a bucket it could not mint, and nobody asks it to.
        let reader = self.new_broker(secret_id, "");
        let secret = reader.secret(deadline).await;
        let secret =
            secret.map_err(|error| Failure::new(failure::of_token(error.kind()), error))?;
        Ok(secret.org_id().clone())
    }

    async fn enter(
        &self,
        secret: Option<&SecretId>,
        bucket: &str,
        deadline: Deadline,
    ) -> Result<(Desk, OrgId), Failure> {
        let broker = self.broker(secret, bucket);
        let secret = broker
            .secret(deadline)
            .await
            .map_err(|error| Failure::new(failure::of_token(error.kind()), error))?;
        let org = secret
            .org_id()
            .as_str()
            .parse()
            .map_err(|why| Failure::new(ErrorType::SecretInvalid, format!("`org_id` {why}")))?;
        let desk = Desk::new(
            self.desk_http.clone(),
            Arc::new(broker),
            self.settings.desk.clone(),
            org,
            deadline,
        );
        Ok((desk, secret.org_id().clone()))
    }

    /// The broker of `secret`, or else of the configured one. It is kept, with the token it knows,
    /// for the life of the process.
    fn broker(&self, secret: Option<&SecretId>, bucket: &str) -> Broker {
        let secret_id = secret.unwrap_or(&self.settings.secret_id).clone();
        let mut brokers = self.brokers.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = brokers
            .entry(secret_id.clone())
            .or_insert_with(|| self.new_broker(secret_id, bucket));
        broker.begin_invocation();
        broker.clone()
    }

    fn new_broker(&self, secret_id: SecretId, bucket: &str) -> Broker {
        Broker::new(BrokerConfig {
            secret_id,
            store: SecretStore::new(self.aws.secrets.clone()),
            locks: (self.aws.s3.clone(), bucket.to_owned()),
            http: self.token_http.clone(),
            accounts: self.settings.accounts.clone(),
            data_centre: self.settings.data_centre,
            clock: Arc::clone(&self.clock),
            seed: random_seed(),
        })
    }

    /// A reserve is a share of the account's pool, which only the edition tells. One request in
    /// the life of a process, and only when there is a reserve to keep.
    async fn learn_credits(&self, desk: &Desk, org: &str) {
        let budget = self.budget();
        if self.settings.credit_reserve_percent == 0 || budget.pool().is_some() {
            return;
        }
        match desk.organizations().await {
            Ok(organizations) => {
                let ours = organizations
                    .iter()
                    .find(|organization| organization.id == org);
                if let Some(credits) = ours.and_then(zoho_desk::Organization::daily_credits) {
                    budget.learn_pool(credits);
                }
            }
            // The run itself will meet whatever is wrong and name it.
            Err(error) => {
                warn!(error = %error, "the account's edition is unknown; the credit reserve follows what is left");
            }
        }
    }

    fn budget(&self) -> &Budget {
        self.desk_http.budget()
    }
}

impl Visit {
    /// The account's client; it stops at the deadline given to [`DeskAccount::begin`].
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The organisation.
    pub fn org_id(&self) -> &OrgId {
        &self.org
    }

    /// Ends the invocation: leaves what it heard of the credits for the other functions.
    pub async fn finish(self) {
        let now = self.clock.now();
        self.credits.leave(self.http.budget(), now).await;
    }
}

/// Without randomness from the system all processes would wait the same; better than not starting.
fn random_seed() -> u64 {
    let mut bytes = [0_u8; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}
