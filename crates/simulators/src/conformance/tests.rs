//! The suite finds what it is for: sources with one defect each.

use std::sync::{Arc, Mutex};

use engine::{
    Checked, Error, Field, Kind, Mode, Piece, Reader, Reading, Source, Stop, Stream, Used,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vendor_http::Deadline;

use super::{Account, Behaviour, Outcome, SourceFuture, hold};

const PAGE: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    LosesTheLastRow,
    ResumesOneRowLate,
    ResumesAnywhere,
    DropsRowsWithTheFuture,
    LosesTies,
    AnyPassword,
}

/// Rows as (id, change), held in memory.
#[derive(Clone)]
struct Memory {
    rows: Arc<Mutex<Vec<(u64, u64)>>>,
    defect: Defect,
}

struct InMemory {
    memory: Memory,
}

struct MemorySource {
    memory: Memory,
    knows_password: bool,
}

struct MemoryReader {
    rows: Vec<(u64, u64)>,
    since: u64,
    at: usize,
    started: bool,
    stopped: bool,
    defect: Defect,
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

impl Source for MemorySource {
    fn check(&self, _: Deadline) -> BoxFuture<'_, Result<Checked, Error>> {
        let passes = self.knows_password || self.memory.defect == Defect::AnyPassword;
        Box::pin(async move {
            if !passes {
                return Err(Error::new(Kind::AuthRequired, "wrong password"));
            }
            Ok(Checked {
                message: "good".into(),
                facts: vec![],
            })
        })
    }

    fn streams(&self, _: Deadline) -> BoxFuture<'_, Result<Vec<Stream>, Error>> {
        Box::pin(async {
            Ok(vec![Stream {
                name: "rows".into(),
                primary_key: vec!["id".into()],
                cursor: Some("changed".into()),
                parent: None,
                needs: vec![],
                fields: Vec::<Field>::new(),
                by_default: true,
            }])
        })
    }

    fn read(&self, reading: Reading) -> BoxFuture<'_, Result<Box<dyn Reader>, Error>> {
        Box::pin(async move {
            let number = |text: &Option<Box<RawValue>>, key: &str| {
                let value: Value = serde_json::from_str(text.as_ref()?.get()).ok()?;
                value[key].as_u64()
            };
            let defect = self.memory.defect;
            let mut rows = self.memory.rows.lock().unwrap().clone();
            let mut since = 0;
            if reading.mode == Mode::Incremental {
                since = number(&reading.state, "since").unwrap_or(0);
                let strict = u64::from(defect == Defect::LosesTies);
                rows.retain(|(_, changed)| *changed > since + strict);
            }
            if defect == Defect::LosesTheLastRow {
                rows.pop();
            }
            let at = number(&reading.resume, "at");
            if reading.resume.is_some() && at.is_none() && defect != Defect::ResumesAnywhere {
                return Err(Error::new(Kind::InvalidConfig, "no position of mine"));
            }
            let late = usize::from(at.is_some() && defect == Defect::ResumesOneRowLate);
            Ok(Box::new(MemoryReader {
                rows,
                since,
                at: at.unwrap_or(0) as usize + late,
                started: false,
                stopped: false,
                defect,
            }) as Box<dyn Reader>)
        })
    }
}

impl Reader for MemoryReader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, Error>> {
        Box::pin(async {
            if self.at >= self.rows.len() || self.stopped {
                return Ok(None);
            }
            let end = (self.at + PAGE).min(self.rows.len());
            let page: Vec<_> = self.rows[self.at..end].to_vec();
            if self.defect == Defect::DropsRowsWithTheFuture && !self.started {
                self.started = true;
                self.at = end;
            }
            tokio::task::yield_now().await;
            self.started = false;
            self.at = end;
            let rows = page
                .iter()
                .map(|(id, changed)| raw(&json!({"id": id, "changed": changed})));
            Ok(Some(Piece::Rows {
                parent: None,
                rows: rows.collect(),
            }))
        })
    }

    fn stop(&mut self, _: Stop) {
        self.stopped = true;
    }

    fn at_end(&self) -> bool {
        self.at >= self.rows.len()
    }

    fn position(&self) -> Result<Box<RawValue>, Error> {
        Ok(raw(&json!({ "at": self.at })))
    }

    fn state(&self) -> Result<Option<Box<RawValue>>, Error> {
        // Changes are counted from 1 on; nothing newer than what was seen is missed.
        let high = self.rows.iter().map(|(_, changed)| *changed).max();
        Ok(Some(raw(&json!({ "since": high.unwrap_or(self.since) }))))
    }

    fn used(&self) -> Used {
        Used::default()
    }
}

impl Account for InMemory {
    fn stream(&self) -> &'static str {
        "rows"
    }

    fn page_rows(&self) -> usize {
        PAGE
    }

    fn reset(&self, rows: usize) -> BoxFuture<'_, ()> {
        let rows = (0..rows as u64).map(|id| (id, id / 2 + 1)).collect();
        *self.memory.rows.lock().unwrap() = rows;
        Box::pin(async {})
    }

    fn truth(&self) -> BoxFuture<'_, Vec<(String, Option<String>)>> {
        let rows = self.memory.rows.lock().unwrap().clone().into_iter();
        let truth = rows.map(|(id, _)| (id.to_string(), None)).collect();
        Box::pin(async move { truth })
    }

    fn change<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, ()> {
        let mut rows = self.memory.rows.lock().unwrap();
        let moment = rows.iter().map(|(_, changed)| *changed).max().unwrap_or(0) + 1;
        for (id, changed) in rows.iter_mut() {
            if ids.contains(&id.to_string()) {
                *changed = moment;
            }
        }
        Box::pin(async {})
    }

    fn id_of(&self, row: &RawValue) -> String {
        let row: Value = serde_json::from_str(row.get()).unwrap();
        row["id"].to_string()
    }

    fn source(&self) -> BoxFuture<'_, Result<Box<dyn Source>, Error>> {
        let source = MemorySource {
            memory: self.memory.clone(),
            knows_password: true,
        };
        Box::pin(async { Ok(Box::new(source) as Box<dyn Source>) })
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn with_wrong_credentials(&self) -> SourceFuture<'_> {
        let source = MemorySource {
            memory: self.memory.clone(),
            knows_password: false,
        };
        Box::pin(async { Some(Ok(Box::new(source) as Box<dyn Source>)) })
    }
}

fn account(defect: Defect) -> InMemory {
    InMemory {
        memory: Memory {
            rows: Arc::default(),
            defect,
        },
    }
}

#[tokio::test]
async fn a_source_without_defect_holds() {
    let skipped = hold(&account(Defect::None)).await.unwrap();
    assert_eq!(
        skipped,
        [
            Behaviour::ResumesAfterAnError,
            Behaviour::NoticesNobodyAnswers,
            Behaviour::SurvivesMishaps,
            Behaviour::GivesUpOnLastingMishaps,
            Behaviour::SurvivesDeepNesting,
        ]
    );
}

#[tokio::test]
async fn each_defect_breaks_its_behaviour() {
    for (defect, behaviour) in [
        (Defect::LosesTheLastRow, Behaviour::ReadsEveryRowOnce),
        (Defect::ResumesOneRowLate, Behaviour::StopsNow),
        (Defect::ResumesOneRowLate, Behaviour::StopsSoon),
        (Defect::ResumesAnywhere, Behaviour::RefusesForeignPositions),
        (
            Defect::DropsRowsWithTheFuture,
            Behaviour::SurvivesDroppedFutures,
        ),
        (Defect::LosesTies, Behaviour::ReadsWhatChanged),
        (Defect::AnyPassword, Behaviour::RefusesWrongCredentials),
    ] {
        let broken = behaviour.check(&account(defect)).await.unwrap_err();
        assert_eq!(broken.behaviour, behaviour, "{defect:?}");
        let sound = behaviour.check(&account(Defect::None)).await;
        assert_eq!(sound, Ok(Outcome::Held), "{behaviour:?}");
    }
}
