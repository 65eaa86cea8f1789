use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use state::{Condition, Error, Key, State, Write};
use tokio::sync::Mutex;

/// The webhook that we registered, as the state table knows it: deliveries of others are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The webhook's id: the audience of its tokens.
    pub webhook_id: String,
    /// When it was registered, or changed last.
    pub registered_at: Timestamp,
}

/// Reads and keeps the [`Registration`].
#[derive(Debug)]
pub(crate) struct Registrations {
    state: State,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    ids: Vec<String>,
    read_at: Timestamp,
}

/// How long what was read is believed.
const FRESH: SignedDuration = SignedDuration::from_mins(1);

/// A token of another webhook makes us read again, but not more often than this: it may be the one
/// that was registered a moment ago.
const SECOND_LOOK: SignedDuration = SignedDuration::from_secs(5);

impl Registrations {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            known: Mutex::default(),
        }
    }

    /// What the table says now.
    pub(crate) async fn load(&self) -> Result<Option<Registration>, Error> {
        let stored = self.state.table.get(&key()).await?;
        Ok(stored.map(|stored| stored.value))
    }

    pub(crate) async fn store(&self, registration: &Registration) -> Result<(), Error> {
        let write = Write::put(key(), registration, Condition::Any)?;
        self.state.table.write(write).await
    }

    pub(crate) async fn forget(&self) -> Result<(), Error> {
        self.state.table.delete(key()).await
    }

    /// The webhooks whose tokens are good; empty as long as none is registered.
    pub(crate) async fn ids(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        self.younger_than(FRESH, now).await
    }

    /// The same, after a token of another webhook came.
    pub(crate) async fn ids_again(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        self.younger_than(SECOND_LOOK, now).await
    }

    async fn younger_than(
        &self,
        age: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<String>, Error> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref()
            && now.duration_since(known.read_at).abs() < age
        {
            return Ok(known.ids.clone());
        }
        let registration = self.load().await?;
        let ids: Vec<_> = registration.into_iter().map(|it| it.webhook_id).collect();
        *known = Some(Known {
            ids: ids.clone(),
            read_at: now,
        });
        Ok(ids)
    }
}

fn key() -> Key {
    Key::new("DESK_WEBHOOK", "REGISTRATION")
}
