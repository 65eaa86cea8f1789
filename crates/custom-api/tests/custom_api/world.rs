//! A simulated API, and sources that read it.

use std::sync::Arc;

use clock::ManualClock;
use custom_api::{Credentials, CustomApi, MemoryVault, TokenVault};
use egress::Egress;
use engine::{Error, Mode, Piece, Reading, Source};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use simulators::rest::{Options, Simulator};

pub(crate) const NOON: &str = "2026-06-01T12:00:00Z";

/// Texts of rows, gaps, and parents that vanished.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) rows: Vec<String>,
    pub(crate) parents: Vec<String>,
    pub(crate) gaps: Vec<String>,
    pub(crate) vanished: usize,
    pub(crate) state: Option<Box<RawValue>>,
}

pub(crate) struct World {
    pub(crate) api: Simulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vault: Arc<dyn TokenVault>,
    pub(crate) egress: Egress,
}

impl World {
    pub(crate) async fn with_rows(rows: u64) -> Self {
        let clock = Arc::new(ManualClock::at(NOON.parse().unwrap()));
        let options = Options {
            clock: clock.clone(),
            ..Options::with_rows(rows)
        };
        Self {
            api: Simulator::start(options).await.unwrap(),
            clock,
            vault: Arc::new(MemoryVault::default()),
            egress: Egress::allowing("127.0.0.1").unwrap(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        use clock::Clock as _;
        self.clock.now()
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// A declaration with fast retries.
    pub(crate) fn config(&self, below: &str, extra: &Value) -> Value {
        let mut config = json!({
            "baseUrl": format!("{}{below}", self.api.origin()),
            "rate": {"requestsPerSecond": 1000, "atOnce": 3, "attempts": 2},
        });
        let object = config.as_object_mut().unwrap();
        for (key, value) in extra.as_object().unwrap() {
            object.insert(key.clone(), value.clone());
        }
        config
    }

    pub(crate) fn source(
        &self,
        config: &Value,
        secrets: &[(&str, &str)],
    ) -> Result<CustomApi, Error> {
        let credentials: Credentials = secrets
            .iter()
            .map(|(name, secret)| ((*name).to_owned(), (*secret).into()))
            .collect();
        CustomApi::new(
            config,
            credentials,
            self.egress.clone(),
            self.vault.clone(),
            self.clock.clone(),
            1,
        )
    }

    /// Reads the stream `items` whole.
    pub(crate) async fn read(
        &self,
        config: &Value,
        secrets: &[(&str, &str)],
    ) -> Result<Read, Error> {
        self.run(&self.source(config, secrets)?, Mode::Full, None)
            .await
    }

    pub(crate) async fn run(
        &self,
        source: &CustomApi,
        mode: Mode,
        state: Option<Box<RawValue>>,
    ) -> Result<Read, Error> {
        let mut reader = source
            .read(Reading {
                stream: "items".into(),
                mode,
                state,
                resume: None,
                fields: Vec::new(),
                started_at: self.now(),
            })
            .await?;
        let mut read = Read::default();
        while let Some(piece) = reader.next().await? {
            match piece {
                Piece::Rows { parent, rows } => {
                    for row in rows {
                        read.rows.push(row.get().to_owned());
                        read.parents
                            .extend(parent.as_ref().map(|parent| parent.id.clone()));
                    }
                }
                Piece::Gap(gap) => read.gaps.push(gap.why),
                Piece::Vanished => read.vanished += 1,
            }
        }
        assert!(reader.at_end());
        read.state = reader.state()?;
        Ok(read)
    }

    pub(crate) fn truth(&self) -> Vec<String> {
        self.api.truth().into_iter().map(|(_, row)| row).collect()
    }
}
