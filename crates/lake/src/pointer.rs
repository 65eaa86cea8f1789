use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::keys::RunId;
use crate::manifest::Mode;
use crate::store::{self, Condition, Store, Written};

/// What `_latest.json` says: the newest committed run, and where the next one may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Report name.
    pub report: String,
    /// The newest committed run.
    pub run: RunId,
    /// When that run began.
    pub started_at: Timestamp,
    /// Its manifest.
    pub manifest_key: String,
    /// Its data objects.
    pub keys: Vec<String>,
    /// Full or incremental.
    pub mode: Mode,
    /// Whether its rows are all that the vendor holds for its window.
    pub complete: bool,
    /// The highest watermark any committed run reached.
    pub watermark: Option<Timestamp>,
    /// The newest committed run that fetched everything.
    pub full_run: Option<FullRun>,
    /// When this pointer was written.
    pub updated_at: Timestamp,
}

/// A committed run that fetched everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullRun {
    /// Run id.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// Its manifest.
    pub manifest_key: String,
}

impl Pointer {
    /// The pointer after both `self` and `other` were committed, in whichever order.
    pub(crate) fn merged(&self, other: &Self) -> Self {
        let (newer, older) = if self.order() >= other.order() {
            (self, other)
        } else {
            (other, self)
        };
        Self {
            watermark: newer.watermark.max(older.watermark),
            full_run: newest(newer.full_run.as_ref(), older.full_run.as_ref()).cloned(),
            updated_at: newer.updated_at.max(older.updated_at),
            ..newer.clone()
        }
    }

    /// Whether the two differ in anything but the time of writing.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        *self
            == Self {
                updated_at: self.updated_at,
                ..other.clone()
            }
    }

    /// Whether this pointer names a run that began after the given one.
    pub(crate) fn is_newer_than(&self, started_at: Timestamp, run: &RunId) -> bool {
        self.order() > (started_at, run)
    }

    fn order(&self) -> (Timestamp, &RunId) {
        (self.started_at, &self.run)
    }
}

/// Why a pointer did not move, and whether it may still move by a call that went unanswered.
#[derive(Debug)]
pub(crate) struct NotMoved {
    pub(crate) error: Error,
    pub(crate) undecided: bool,
}

/// How often a pointer write is repeated, whether others got ahead or the answer was lost.
const ATTEMPTS: u32 = 8;

/// Reads the pointer at `key`; its `ETag` is the condition for replacing it.
pub(crate) async fn read(store: &Store, key: &str) -> Result<Option<(Pointer, String)>, Error> {
    let Some(found) = store.get(key).await? else {
        return Ok(None);
    };
    Ok(Some((found.parse(key)?, found.etag)))
}

/// Brings `ours` into the pointer at `key`, whoever else is writing it.
pub(crate) async fn advance(store: &Store, key: &str, ours: &Pointer) -> Result<(), NotMoved> {
    // The condition of a write without an answer: while the pointer still meets it, that write
    // may yet take effect.
    let mut unanswered: Option<Option<String>> = None;
    let mut last = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            store::pause(attempt).await;
        }
        let existing = match read(store, key).await {
            Ok(existing) => existing,
            Err(error) => {
                return Err(NotMoved {
                    error,
                    undecided: unanswered.is_some(),
                });
            }
        };
        let etag = existing.as_ref().map(|(_, etag)| etag.clone());
        unanswered = unanswered.filter(|condition| *condition == etag);

        let next = match &existing {
            None => ours.clone(),
            Some((theirs, _)) => {
                let merged = ours.merged(theirs);
                if merged.says_the_same(theirs) {
                    return Ok(());
                }
                merged
            }
        };
        let condition = etag.as_deref().map_or(Condition::Absent, Condition::Same);
        match store.write(key, &next, condition).await {
            Ok(Written::Yes(_)) => return Ok(()),
            Ok(Written::No) => {}
            Err(error) if error.may_have_happened() => {
                unanswered = Some(etag);
                last = Some(error);
            }
            Err(error) => {
                return Err(NotMoved {
                    error,
                    undecided: unanswered.is_some(),
                });
            }
        }
    }
    Err(NotMoved {
        error: last.unwrap_or_else(|| store.conflict(key)),
        undecided: unanswered.is_some(),
    })
}

fn newest<'a>(a: Option<&'a FullRun>, b: Option<&'a FullRun>) -> Option<&'a FullRun> {
    // `max_by_key` keeps the last of equals, and equals name the same run.
    [a, b]
        .into_iter()
        .flatten()
        .max_by_key(|full| (full.started_at, &full.run))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pointers() -> impl Strategy<Value = Pointer> {
        (
            0_i64..4,
            0_u8..3,
            proptest::option::of(0_i64..6),
            any::<bool>(),
        )
            .prop_map(|(started, run, watermark, full)| {
                let run = RunId::parse(format!("r{run}")).unwrap();
                let started_at = Timestamp::from_second(started).unwrap();
                let manifest_key = format!("t/_runs/{run}{started}.json");
                Pointer {
                    report: "t".to_owned(),
                    run: run.clone(),
                    started_at,
                    manifest_key: manifest_key.clone(),
                    keys: vec![],
                    mode: Mode::Full,
                    complete: true,
                    watermark: watermark.map(|at| Timestamp::from_second(at).unwrap()),
                    full_run: full.then_some(FullRun {
                        run,
                        started_at,
                        manifest_key,
                    }),
                    updated_at: Timestamp::UNIX_EPOCH,
                }
            })
    }

    proptest! {
        #[test]
        fn the_order_of_commits_does_not_matter(a in pointers(), b in pointers(), c in pointers()) {
            let left = a.merged(&b).merged(&c);
            prop_assert_eq!(left.order(), [&a, &b, &c].map(Pointer::order).into_iter().max().unwrap());
            prop_assert_eq!(left.watermark, a.watermark.max(b.watermark).max(c.watermark));
            let other = c.merged(&a).merged(&b);
            prop_assert_eq!(&left.full_run, &other.full_run);
            prop_assert_eq!(left.run, other.run);
        }

        #[test]
        fn merging_again_changes_nothing(a in pointers(), b in pointers()) {
            let once = a.merged(&b);
            prop_assert!(once.merged(&b).says_the_same(&once));
            prop_assert!(once.merged(&a).says_the_same(&once));
        }
    }
}
