use std::collections::{BTreeMap, BTreeSet};

use clock::Clock as _;
use jiff::Timestamp;
use lake::Manifest;
use proptest::prelude::*;
use records::{Counts, Merged, Record, Status};
use simulators::aws::{Fault, Hang};

use crate::harness::{Bench, everything, failure, far, import_row, run_id};

/// The records of a stream as simply as they can be kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    records: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    data: Option<String>,
    error: Option<String>,
    last_sync: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
    imported: bool,
}

impl Model {
    pub(crate) fn run(
        &mut self,
        rows: &[(String, String)],
        failed: &[(String, String)],
        gone_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let data: BTreeMap<_, _> = rows.iter().cloned().collect();
        let errors: BTreeMap<_, _> = failed.iter().cloned().collect();
        let seen: BTreeSet<&String> = data.keys().chain(errors.keys()).collect();
        for id in &seen {
            self.put(id, data.get(*id), errors.get(*id), false, now);
        }
        let Some(gone_at) = gone_at else { return };
        for (id, known) in &mut self.records {
            if !seen.contains(id) && !known.imported && known.deleted_at.is_none() {
                known.deleted_at = Some(gone_at);
                known.updated_at = now;
            }
        }
    }

    pub(crate) fn import(&mut self, rows: &[(String, String)], now: Timestamp) {
        let rows: BTreeMap<_, _> = rows.iter().cloned().collect();
        for (id, data) in &rows {
            self.put(id, Some(data), None, true, now);
        }
    }

    fn put(
        &mut self,
        id: &str,
        data: Option<&String>,
        error: Option<&String>,
        imported: bool,
        now: Timestamp,
    ) {
        let new = Known {
            data: data.cloned(),
            error: error.cloned(),
            last_sync: now,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            imported,
        };
        let Some(old) = self.records.get(id) else {
            self.records.insert(id.to_owned(), new);
            return;
        };
        let data = new.data.clone().or(old.data.clone());
        let changed = data != old.data || new.error != old.error || old.deleted_at.is_some();
        let known = Known {
            data,
            created_at: old.created_at,
            updated_at: if changed { now } else { old.updated_at },
            imported: imported && (old.imported || old.deleted_at.is_some()),
            ..new
        };
        self.records.insert(id.to_owned(), known);
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for known in self.records.values() {
            match known {
                Known {
                    deleted_at: Some(_),
                    ..
                } => counts.deleted += 1,
                Known { error: Some(_), .. } => counts.failed += 1,
                _ => counts.synced += 1,
            }
        }
        counts
    }

    /// The records are the model's, by pages and one by one.
    pub(crate) async fn assert_same(&self, bench: &Bench, case: &str) {
        assert_eq!(
            bench.records.counts().await.unwrap(),
            self.counts(),
            "{case}"
        );
        let all = bench.all(everything()).await;
        assert_eq!(all.len(), self.records.len(), "{case}: records");
        for record in &all {
            self.assert_known(record, case);
        }
        for id in self.records.keys().step_by(5) {
            let record = bench.records.get(id).await.unwrap().unwrap();
            self.assert_known(&record, case);
        }
        bench.assert_no_strays(case);
    }

    fn assert_known(&self, record: &Record, case: &str) {
        let id = &record.external_id;
        let expected = &self.records[id];
        let found = Known {
            data: record.data.as_ref().map(|data| data.get().to_owned()),
            error: record.error.clone(),
            last_sync: record.last_sync,
            created_at: record.created_at,
            updated_at: record.updated_at,
            deleted_at: record.deleted_at,
            imported: expected.imported,
        };
        assert_eq!(&found, expected, "{case}: {id}");
        let failed = record.status == Status::Failed;
        assert_eq!(failed, record.error.is_some(), "{case}: {id}");
    }
}

#[derive(Debug, Clone)]
struct Step {
    what: What,
    rows: Vec<(String, String)>,
    failed: Vec<(String, String)>,
    /// Where its processes die, one after the other.
    deaths: Vec<(u64, bool)>,
    /// Answers that get lost.
    lossy: bool,
    /// Whether the step before is delivered again after it.
    again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Full,
    Incremental,
    Import,
}

fn step() -> impl Strategy<Value = Step> {
    let id = (0..60_u32).prop_map(|n| format!("id {n}"));
    let data = (0..4_usize, 0..3_u32).prop_map(|(size, version)| {
        format!(
            "{{\"v\": {version},  \"f\":\"{}\"}}",
            "é\\\"".repeat(size * 12)
        )
    });
    (
        prop_oneof![
            Just(What::Full),
            Just(What::Incremental),
            Just(What::Import)
        ],
        proptest::collection::vec((id.clone(), data), 0..60),
        proptest::collection::vec((id, "[a-z]{1,9}"), 0..5),
        proptest::collection::vec((1..14_u64, any::<bool>()), 0..3),
        proptest::bool::weighted(0.3),
        any::<bool>(),
    )
        .prop_map(|(what, rows, failed, deaths, lossy, again)| Step {
            what,
            rows,
            failed,
            deaths,
            lossy,
            again,
        })
}

/// A run or an import that can be merged again and again.
#[derive(Clone)]
enum Delivery {
    Run(Box<Manifest>, bool, Vec<records::FailedRow>),
    Import(lake::RunId),
}

impl Delivery {
    async fn merge(&self, records: &records::StreamRecords) -> Result<Merged, records::Error> {
        match self {
            Self::Run(manifest, full, failed) => {
                records.merge(manifest, *full, failed, far()).await
            }
            Self::Import(import) => records.merge_staged(import, far()).await,
        }
    }
}

async fn deliver(bench: &Bench, number: usize, step: &Step) -> Delivery {
    let name = format!("s{number}");
    if step.what == What::Import {
        let rows: Vec<_> = step
            .rows
            .iter()
            .map(|(id, data)| import_row(id, data))
            .collect();
        bench.records.stage(&run_id(&name), &rows).await.unwrap();
        return Delivery::Import(run_id(&name));
    }
    let manifest = bench.run(&name, crate::harness::borrowed(&step.rows)).await;
    let failed = step
        .failed
        .iter()
        .map(|(id, error)| failure(id, error))
        .collect();
    Delivery::Run(Box::new(manifest), step.what == What::Full, failed)
}

async fn check(seed: u64, steps: Vec<Step>) {
    let bench = Bench::seeded(seed).await;
    let mut model = Model::default();
    let mut before: Option<Delivery> = None;
    bench.merge(&bench.run("first", []).await, false).await;
    for (number, step) in steps.iter().enumerate() {
        let case = format!("step {number}");
        bench.pass(60);
        let now = bench.clock.now();
        let delivery = deliver(&bench, number, step).await;
        for (nth, after) in &step.deaths {
            let how = if *after {
                Hang::AfterEffect
            } else {
                Hang::BeforeEffect
            };
            let (records, delivery) = (bench.records.clone(), delivery.clone());
            let merge = async move { delivery.merge(&records).await };
            bench.killed_at(*nth, how, merge).await;
        }
        if step.lossy {
            bench
                .aws
                .inject(Fault::lose_answer("PutObject").with_probability(0.3));
            bench
                .aws
                .inject(Fault::slow_down("GetObject").with_probability(0.1));
        }
        let mut merged = delivery.merge(&bench.records).await;
        for _ in 0..20 {
            match &merged {
                Err(error) if error.is_transient() => {
                    merged = delivery.merge(&bench.records).await;
                }
                _ => break,
            }
        }
        bench.aws.heal();
        merged.unwrap();
        match step.what {
            What::Import => model.import(&step.rows, now),
            what => {
                let gone = (what == What::Full).then_some(now);
                model.run(&step.rows, &step.failed, gone, now);
            }
        }
        if let Some(before) = before.replace(delivery.clone()).filter(|_| step.again) {
            before.merge(&bench.records).await.unwrap();
            delivery.merge(&bench.records).await.unwrap();
        }
        // What died last is cleared by the next merge that does something.
        if step.lossy || !step.deaths.is_empty() {
            bench
                .merge(&bench.run(&format!("sweep{number}"), []).await, false)
                .await;
        }
        model.assert_same(&bench, &case).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn records_are_what_a_simple_model_says_whatever_dies_or_comes_twice(
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..6),
    ) {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(check(seed, steps));
    }
}
