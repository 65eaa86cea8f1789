use std::fmt;
use std::time::Duration;

use custom_api::{TokenLease, TokenVault, Tokens};
use engine::Kind;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use state::Lease;
use tracing::warn;
use vendor_http::Deadline;

use crate::error::Error;
use crate::hub::Hub;
use crate::owner::Owner;

const WHAT: &str = "tokens";
/// How long one process may take to get tokens.
const TURN: SignedDuration = SignedDuration::from_secs(60);
/// How often to look whether another process is done.
const LOOK: Duration = Duration::from_millis(500);

/// Where a source keeps tokens that it got with its credentials: in the integration's secret,
/// renewed by one process at a time.
#[derive(Clone)]
pub struct TokenStore {
    hub: Hub,
    owner: Owner,
}

/// The right to renew.
struct Renewal {
    store: TokenStore,
    lease: Lease,
}

impl TokenStore {
    pub(crate) fn new(hub: Hub, owner: Owner) -> Self {
        Self { hub, owner }
    }

    async fn kept(&self) -> Result<Tokens, engine::Error> {
        let document = self.hub.document(&self.owner).await.map_err(failed)?;
        let kept = document.and_then(|document| document.tokens);
        let tokens = kept.and_then(|kept| Tokens::from_json(kept.expose_secret()));
        Ok(tokens.unwrap_or_default())
    }

    /// The rest of the secret stays: a person may have changed it meanwhile.
    async fn keep(&self, tokens: &Tokens) -> Result<(), engine::Error> {
        let Some(mut document) = self.hub.document(&self.owner).await.map_err(failed)? else {
            return Err(engine::Error::new(
                Kind::AuthRequired,
                "the credentials of this integration are gone: put them again by changing it",
            ));
        };
        document.tokens = Some(tokens.to_json());
        let stored = self.hub.vault.put(&self.owner, &document.to_text()).await;
        stored.map_err(|error| failed(error.into()))
    }

    async fn turn(&self, deadline: Deadline) -> Result<Lease, engine::Error> {
        loop {
            let lease = self.hub.store.lease(&self.owner, WHAT, WHAT, TURN).await;
            if let Some(lease) = lease.map_err(failed)? {
                return Ok(lease);
            }
            if !deadline.sleep(LOOK).await {
                return Err(engine::Error::new(
                    Kind::DeadlineExceeded,
                    "time ran out while another run renews the access token: run it again",
                ));
            }
        }
    }
}

impl TokenVault for TokenStore {
    fn load(&self, _: Deadline) -> BoxFuture<'_, Result<Tokens, engine::Error>> {
        Box::pin(self.kept())
    }

    fn lease(
        &self,
        deadline: Deadline,
    ) -> BoxFuture<'_, Result<Box<dyn TokenLease>, engine::Error>> {
        Box::pin(async move {
            let renewal = Renewal {
                lease: self.turn(deadline).await?,
                store: self.clone(),
            };
            Ok(Box::new(renewal) as Box<dyn TokenLease>)
        })
    }
}

impl TokenLease for Renewal {
    fn load(&mut self, _: Deadline) -> BoxFuture<'_, Result<Tokens, engine::Error>> {
        Box::pin(self.store.kept())
    }

    fn store<'a>(
        &'a mut self,
        tokens: &'a Tokens,
        _: Deadline,
    ) -> BoxFuture<'a, Result<(), engine::Error>> {
        Box::pin(self.store.keep(tokens))
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { store, lease } = *self;
            if let Err(error) = store.hub.store.release(lease).await {
                warn!(owner = %store.owner, %error, "a lease could not be given back; it ends by itself");
            }
        })
    }
}

fn failed(error: Error) -> engine::Error {
    let kind = if error.is_transient() {
        Kind::Upstream
    } else {
        Kind::Internal
    };
    engine::Error::new(kind, error)
}

impl fmt::Debug for TokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStore")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
