//! A platform that does as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use engine::{
    Action, Checked, Error, Kind, Mode, Piece, PlatformInfo, Problem, Reader, Reading, Setting,
    SettingKind, Source, Stop, Stream,
};
use futures_util::future::BoxFuture;
use hub::{Connection, Connector, Platform, WorkerKind};
use secrecy::ExposeSecret as _;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::sync::Notify;
use vendor_http::Deadline;

const fn setting(name: &'static str, kind: SettingKind, required: bool, secret: bool) -> Setting {
    Setting {
        name,
        aliases: &[],
        title: name,
        help: "such as an example",
        kind,
        required,
        secret,
    }
}

pub(crate) static SHOP: Platform = Platform {
    info: PlatformInfo {
        name: "shop",
        aliases: &["web-shop"],
        title: "Shop",
        description: "Orders and customers.",
        documentation: "https://shop.example/docs",
        settings: &[
            setting("base_url", SettingKind::Url, true, false),
            setting("api_key", SettingKind::Text, true, true),
            setting("region", SettingKind::Choice(&["eu", "us"]), false, false),
        ],
        actions: &[Action {
            name: "refund",
            description: "Gives money back.",
            parameters: r#"{"type":"object"}"#,
        }],
        validate: |config, _| {
            if config["base_url"] == "http://insecure" {
                let message = "must begin with https";
                return Err(vec![Problem::new("config.base_url", message)]);
            }
            Ok(())
        },
    },
    worker: WorkerKind::Http,
};

/// A stream of the shop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    /// `updated`, if changed rows can be found by it.
    pub(crate) cursor: bool,
    pub(crate) rows: Vec<Value>,
    /// Fails after so many rows.
    pub(crate) fails_after: Option<(usize, Kind)>,
}

#[derive(Default)]
pub(crate) struct Stock {
    pub(crate) shelves: BTreeMap<String, Shelf>,
    /// What connecting, or testing, fails with.
    pub(crate) refuses: Option<Kind>,
    /// What revoking fails with.
    pub(crate) revoke_fails: Option<Kind>,
    /// Rows of a piece.
    pub(crate) page: usize,
    /// The reader waits here after its first piece.
    pub(crate) gate: Option<Arc<Notify>>,
    /// Stops after so many pieces, as if time were up.
    pub(crate) pieces_a_leg: Option<usize>,
    pub(crate) modes: Vec<(String, Mode)>,
    pub(crate) refunds: Vec<Value>,
    pub(crate) revoked: u32,
    pub(crate) connects: u32,
    /// The keys it was called with.
    pub(crate) keys: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Shop(Arc<Mutex<Stock>>);

impl Shop {
    pub(crate) fn stock(&self) -> MutexGuard<'_, Stock> {
        self.0.lock().unwrap()
    }

    pub(crate) fn fill(&self, stream: &str, cursor: bool, rows: Vec<Value>) {
        let shelf = Shelf {
            cursor,
            rows,
            fails_after: None,
        };
        self.stock().shelves.insert(stream.to_owned(), shelf);
    }

    pub(crate) fn rows(&self, stream: &str, change: impl FnOnce(&mut Vec<Value>)) {
        change(&mut self.stock().shelves.get_mut(stream).unwrap().rows);
    }
}

impl Connector for Shop {
    fn connect<'a>(
        &'a self,
        connection: Connection<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Source>, Error>> {
        Box::pin(async move {
            assert!(connection.config["base_url"].is_string());
            let key = connection.credentials.get("api_key").unwrap();
            let mut stock = self.stock();
            stock.connects += 1;
            stock.keys.push(key.expose_secret().to_owned());
            Ok(Box::new(self.clone()) as Box<dyn Source>)
        })
    }
}

impl Shop {
    fn refusal(&self) -> Result<(), Error> {
        match self.stock().refuses {
            Some(kind) => Err(Error::new(kind, "the shop is closed: come back later")),
            None => Ok(()),
        }
    }
}

impl Source for Shop {
    fn check(&self, _: Deadline) -> BoxFuture<'_, Result<Checked, Error>> {
        Box::pin(async {
            self.refusal()?;
            Ok(Checked {
                message: "Connection successful".to_owned(),
                facts: vec![("shop", "Corner".to_owned())],
            })
        })
    }

    fn streams(&self, _: Deadline) -> BoxFuture<'_, Result<Vec<Stream>, Error>> {
        Box::pin(async {
            self.refusal()?;
            let stock = self.stock();
            let streams = stock.shelves.iter().map(|(name, shelf)| Stream {
                name: name.clone(),
                primary_key: vec!["id".to_owned()],
                cursor: shelf.cursor.then(|| "updated".to_owned()),
                parent: None,
                needs: vec![],
                fields: vec![],
                by_default: true,
            });
            Ok(streams.collect())
        })
    }

    fn read(&self, reading: Reading) -> BoxFuture<'_, Result<Box<dyn Reader>, Error>> {
        Box::pin(async move {
            let number = |raw: &Option<Box<RawValue>>| {
                raw.as_ref()
                    .and_then(|raw| serde_json::from_str::<u64>(raw.get()).ok())
            };
            let since = number(&reading.state).filter(|_| reading.mode == Mode::Incremental);
            let mut stock = self.stock();
            stock.modes.push((reading.stream.clone(), reading.mode));
            let shelf = stock.shelves[&reading.stream].clone();
            let rows: Vec<_> = shelf
                .rows
                .into_iter()
                .filter(|row| since.is_none_or(|since| row["updated"].as_u64() > Some(since)))
                .collect();
            Ok(Box::new(Walk {
                state: shelf.cursor.then(|| {
                    let newest = rows.iter().filter_map(|row| row["updated"].as_u64()).max();
                    newest.or(since).unwrap_or(0)
                }),
                rows,
                at: usize::try_from(number(&reading.resume).unwrap_or(0)).unwrap(),
                page: stock.page.max(1),
                gate: stock.gate.clone(),
                pieces: 0,
                pieces_a_leg: stock.pieces_a_leg,
                fails_after: shelf.fails_after,
                stopped: false,
            }) as Box<dyn Reader>)
        })
    }

    fn act<'a>(
        &'a self,
        action: &'a str,
        parameters: &'a Value,
        _: Deadline,
    ) -> BoxFuture<'a, Result<Value, Error>> {
        Box::pin(async move {
            assert_eq!(action, "refund");
            let gate = self.stock().gate.clone();
            self.stock().refunds.push(parameters.clone());
            if let Some(gate) = gate {
                gate.notified().await;
            }
            self.refusal().map_err(Error::unsettled)?;
            Ok(json!({"refunded": parameters["amount"]}))
        })
    }

    fn revoke(&self, _: Deadline) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(async {
            let mut stock = self.stock();
            stock.revoked += 1;
            match stock.revoke_fails {
                Some(kind) => Err(Error::new(kind, "the shop does not answer")),
                None => Ok(true),
            }
        })
    }
}

struct Walk {
    rows: Vec<Value>,
    at: usize,
    page: usize,
    state: Option<u64>,
    gate: Option<Arc<Notify>>,
    pieces: usize,
    pieces_a_leg: Option<usize>,
    fails_after: Option<(usize, Kind)>,
    stopped: bool,
}

impl Reader for Walk {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, Error>> {
        Box::pin(async move {
            if self.pieces > 0
                && let Some(gate) = &self.gate
            {
                gate.notified().await;
            }
            if self.pieces_a_leg.is_some_and(|most| self.pieces >= most) {
                self.stopped = true;
            }
            if self.stopped || self.at_end() {
                return Ok(None);
            }
            if let Some((after, kind)) = self.fails_after
                && self.at >= after
            {
                self.stopped = true;
                return Err(Error::new(kind, "the shelf broke: mend it"));
            }
            let end = (self.at + self.page).min(self.rows.len());
            let rows = self.rows[self.at..end].iter();
            let rows = rows.map(|row| to_raw_value(row).unwrap()).collect();
            self.at = end;
            self.pieces += 1;
            Ok(Some(Piece::Rows { parent: None, rows }))
        })
    }

    fn stop(&mut self, _: Stop) {
        self.stopped = true;
    }

    fn at_end(&self) -> bool {
        self.at >= self.rows.len()
    }

    fn position(&self) -> Result<Box<RawValue>, Error> {
        Ok(to_raw_value(&self.at).unwrap())
    }

    fn state(&self) -> Result<Option<Box<RawValue>>, Error> {
        Ok(self.state.map(|state| to_raw_value(&state).unwrap()))
    }
}
