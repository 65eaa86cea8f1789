use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use engine::Used;
use ingest::Refine;
use mapping::{Mapper, Schema, external_id, with_external_id};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::run::StreamRun;
use crate::stream_state::FailedRow;

/// So many rows that failed are told one by one; with more, records that a full run lacks are not
/// taken for deleted.
const MOST_FAILED: usize = 200;
const MOST_ERROR_CHARS: usize = 120;

/// How far a stream is, for whoever watches.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) rows: u64,
    pub(super) pages: u64,
    pub(super) failed: u64,
    pub(super) used: Used,
}

impl StreamRun {
    pub(super) fn progress(&self) -> Progress {
        Progress {
            rows: self.rows,
            pages: self.pages,
            failed: self.failed_rows,
            used: self.used,
        }
    }

    pub(super) fn shows(&mut self, progress: Progress) {
        self.rows = progress.rows;
        self.pages = progress.pages;
        self.failed_rows = progress.failed;
        self.used = progress.used;
    }
}

pub(super) type Watched = Arc<Mutex<Progress>>;

/// What happens to rows between source and lake: they get their external id and go through the
/// mapping, and what they look like is noted.
pub(super) struct Intake {
    mapper: Mapper,
    primary_key: Vec<String>,
    noted: Noted,
    watched: Watched,
}

/// What outlives a leg.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Noted {
    pub(super) seen: Schema,
    pub(super) failed: Vec<FailedRow>,
    pub(super) failed_rows: u64,
}

impl Noted {
    /// Whether every row that failed is told.
    pub(super) fn tells_all(&self) -> bool {
        u64::try_from(self.failed.len()) == Ok(self.failed_rows)
    }
}

impl Intake {
    pub(super) fn new(mapper: Mapper, primary_key: Vec<String>, watched: Watched) -> Self {
        Self {
            mapper,
            primary_key,
            noted: Noted::default(),
            watched,
        }
    }

    pub(super) fn into_noted(self) -> Noted {
        self.noted
    }

    fn fail(&mut self, row: &RawValue, id: Option<String>, error: &impl ToString) {
        self.noted.failed_rows += 1;
        if self.noted.failed.len() >= MOST_FAILED {
            return;
        }
        // Without an id of its own, the row's content stands for it.
        let id = id.or_else(|| external_id(row, &[]).ok());
        if let Some(external_id) = id {
            let error = error.to_string().chars().take(MOST_ERROR_CHARS).collect();
            self.noted.failed.push(FailedRow { external_id, error });
        }
    }
}

impl Refine for Intake {
    fn row<'r>(&mut self, row: &'r RawValue) -> Option<Cow<'r, str>> {
        self.noted.seen.observe(row);
        let id = match external_id(row, &self.primary_key) {
            Ok(id) => id,
            Err(error) => {
                self.fail(row, None, &error);
                return None;
            }
        };
        match self.mapper.apply(row) {
            Ok(mapped) => Some(Cow::Owned(with_external_id(&mapped, &id))),
            Err(error) => {
                self.fail(row, Some(id), &error);
                None
            }
        }
    }

    fn save(&self) -> Option<Box<RawValue>> {
        to_raw_value(&self.noted).ok()
    }

    fn restore(&mut self, saved: &RawValue) -> bool {
        match serde_json::from_str(saved.get()) {
            Ok(noted) => {
                self.noted = noted;
                true
            }
            Err(_) => false,
        }
    }

    fn wrote(&mut self, rows: u64, used: Used) {
        let mut progress = lock(&self.watched);
        progress.rows = rows;
        progress.pages += 1;
        progress.failed = self.noted.failed_rows;
        progress.used = used;
    }
}

pub(super) fn lock(watched: &Watched) -> std::sync::MutexGuard<'_, Progress> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapping::Rules;
    use serde_json::json;

    fn intake(rules: &serde_json::Value) -> Intake {
        let rules = Rules::read(rules).unwrap();
        let mapper = rules.compile(&"a salt of some length".to_owned().into());
        Intake::new(mapper.unwrap(), vec!["id".to_owned()], Watched::default())
    }

    fn row(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn rows_get_their_id_and_failures_survive_legs() {
        let cast = json!({"steps": [{"cast": {"field": "n", "to": "integer"}}]});
        let mut first = intake(&cast);
        let good = row(r#"{"id":7,"n":"12"}"#);
        assert_eq!(
            first.row(&good).as_deref(),
            Some(r#"{"_external_id":"7","id":7,"n":12}"#)
        );
        assert_eq!(first.row(&row(r#"{"id":8,"n":"secret"}"#)), None);
        assert_eq!(first.row(&row(r#"{"n":"1"}"#)), None);
        let saved = first.save().unwrap();
        let mut second = intake(&cast);
        assert!(second.restore(&saved) && !second.restore(&row("7")));
        let noted = second.into_noted();
        assert_eq!((noted.failed_rows, noted.failed.len()), (2, 2));
        assert!(noted.tells_all());
        assert_eq!(noted.failed[0].external_id, "8");
        assert!(!format!("{:?}", noted.failed).contains("secret"));
        assert_eq!(noted.seen.rows(), 3);
    }

    #[test]
    fn a_flood_of_failures_is_counted_and_not_kept() {
        let mut intake = intake(&json!({"steps": [{"cast": {"field": "n", "to": "integer"}}]}));
        for id in 0..1000 {
            intake.row(&row(&format!(r#"{{"id":{id},"n":"x"}}"#)));
        }
        let saved = intake.save().unwrap();
        assert!(saved.get().len() < 50_000, "{}", saved.get().len());
        let noted = intake.into_noted();
        assert_eq!((noted.failed_rows, noted.failed.len()), (1000, MOST_FAILED));
        assert!(!noted.tells_all());
    }
}
