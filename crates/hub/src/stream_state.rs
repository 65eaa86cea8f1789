use jiff::Timestamp;
use lake::RunId;
use mapping::{Change, Schema};
use records::Counts;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::json_text;

/// So many changes of a stream's columns are remembered.
const MOST_DRIFT: usize = 100;

/// A change of a stream's columns, and the run that found it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftEntry {
    /// When.
    pub at: Timestamp,
    /// By which run.
    pub run: RunId,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
}

/// What is known of a stream between runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StreamState {
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) primary_key: Vec<String>,
    pub(crate) cursor: Option<String>,
    /// The reader's own, for the next incremental run; JSON text.
    pub(crate) state: Option<String>,
    /// Of what was asked for when `state` was got: other fields or rules want all rows again.
    pub(crate) asked: String,
    #[serde(with = "json_text")]
    pub(crate) schema: Schema,
    #[serde(with = "json_text")]
    pub(crate) drift: Vec<DriftEntry>,
    pub(crate) last_run: Option<RunId>,
    pub(crate) last_sync: Option<Timestamp>,
    pub(crate) last_full: Option<Timestamp>,
    #[serde(with = "json_text")]
    pub(crate) counts: Counts,
    /// Stored rows that are not merged yet.
    #[serde(with = "json_text::maybe")]
    pub(crate) pending: Option<Pending>,
}

/// What a committed run of a stream left to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) run: RunId,
    pub(crate) mode: engine::Mode,
    /// Whether records that the run lacks are gone.
    pub(crate) rows_gone: bool,
    pub(crate) next: NextState,
    pub(crate) asked: String,
    pub(crate) started_at: Timestamp,
    pub(crate) seen: Schema,
    pub(crate) failed: Vec<FailedRow>,
}

/// What becomes of the reader's state after the merge.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NextState {
    This(Box<RawValue>),
    Nothing,
    AsBefore,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedRow {
    pub(crate) external_id: String,
    pub(crate) error: String,
}

impl StreamState {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            slug: slug(name),
            primary_key: Vec::new(),
            cursor: None,
            state: None,
            asked: String::new(),
            schema: Schema::default(),
            drift: Vec::new(),
            last_run: None,
            last_sync: None,
            last_full: None,
            counts: Counts::default(),
            pending: None,
        }
    }

    /// Remembers changes, the newest last, forgetting the oldest.
    pub(crate) fn drifted(&mut self, found: Vec<Change>, run: &RunId, at: Timestamp) {
        self.drift
            .extend(found.into_iter().map(|change| DriftEntry {
                at,
                run: run.clone(),
                change,
            }));
        let surplus = self.drift.len().saturating_sub(MOST_DRIFT);
        self.drift.drain(..surplus);
    }
}

/// The name of a stream in keys: `[a-z0-9_-]`, and part of its digest if that is not the name.
pub(crate) fn slug(stream: &str) -> String {
    const MOST_CHARS: usize = 60;
    let mut slug: String = stream
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '_' | '-') => c,
            _ => '-',
        })
        .take(MOST_CHARS)
        .collect();
    if !slug.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        slug.insert(0, 's');
    }
    if slug == stream {
        return slug;
    }
    let digest = hex::encode(Sha256::digest(stream));
    format!("{slug}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_never_share_a_slug() {
        assert_eq!(slug("leads"), "leads");
        assert_eq!(slug("order_items-2"), "order_items-2");
        let odd = [
            "Leads",
            "public.orders",
            "public-orders",
            "_x",
            "sx",
            "é",
            "..",
            "",
        ];
        let slugs: std::collections::BTreeSet<_> = odd.iter().map(|name| slug(name)).collect();
        assert_eq!(slugs.len(), odd.len(), "{slugs:?}");
        for slug in slugs {
            let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
            assert!(
                slug.chars().all(fits) && slug.starts_with(|c: char| c.is_ascii_alphanumeric())
            );
        }
        assert_eq!(slug(&"x".repeat(200)).len(), 69);
    }
}
