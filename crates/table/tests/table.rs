//! What analysts see of a report's runs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use clock::ManualClock;
use jiff::{SignedDuration, Timestamp};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use simulators::aws::{Aws, Fault, Hang};
use table::{Compacted, Compactor, Error, Outcome, Table};
use tokio::time::Instant;

const BUCKET: &str = "zoho-reports-1";
const REPORT: &str = "tickets";
const KEY: &str = "current/tickets/tickets.parquet";

struct Lake {
    aws: Aws,
    clock: Arc<ManualClock>,
}

/// A run to be committed.
struct Run<'a> {
    id: &'a str,
    /// Minutes after the start of the day.
    minute: i64,
    mode: &'a str,
    complete: bool,
    partitions: Value,
    format: &'a str,
    /// The rows of each object.
    objects: Vec<Vec<String>>,
}

fn full(id: &str, minute: i64, rows: Vec<String>) -> Run<'_> {
    Run {
        id,
        minute,
        mode: "full",
        complete: true,
        partitions: json!([]),
        format: "json",
        objects: vec![rows],
    }
}

fn incremental(id: &str, minute: i64, rows: Vec<String>) -> Run<'_> {
    Run {
        mode: "incremental",
        ..full(id, minute, rows)
    }
}

fn row(id: u32, subject: &str) -> String {
    format!("{{\"id\":\"{id}\",\"subject\":\"{subject}\",\"threadCount\":\"2\"}}")
}

fn at(minute: i64) -> Timestamp {
    let day: Timestamp = "2026-03-04T00:00:00Z".parse().unwrap();
    day + SignedDuration::from_mins(minute)
}

/// A row of the stored table, by column.
type Stored = BTreeMap<String, Field>;

impl Lake {
    async fn start() -> Self {
        let aws = Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        aws.set_min_part_bytes(1);
        Self {
            aws,
            clock: Arc::new(ManualClock::at(at(24 * 60))),
        }
    }

    fn client(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(self.aws.origin())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    fn compactor(&self) -> Compactor {
        Compactor::new(self.client(), BUCKET, self.clock.clone())
    }

    /// A compactor that sends many small parts of small row groups.
    fn piecemeal(&self) -> Compactor {
        self.compactor()
            .with_part_bytes(1 << 10)
            .with_group_bytes(1 << 12)
    }

    fn commit(&self, run: &Run<'_>) {
        let entries: Vec<Value> = (run.objects.iter().enumerate())
            .map(|(n, rows)| {
                let key = format!("{REPORT}/dt=2026-03-04/{}-{n}.{}", run.id, run.format);
                let bytes = encoded(run.format, rows);
                let entry = json!({
                    "key": key,
                    "rows": rows.len(),
                    "bytes": bytes.len(),
                    "sha256": hex::encode(Sha256::digest(&bytes)),
                });
                self.aws.put_object(BUCKET, &key, bytes);
                entry
            })
            .collect();
        let rows: usize = run.objects.iter().map(Vec::len).sum();
        let manifest_key = format!("{REPORT}/_runs/{}.json", run.id);
        let since = (run.mode == "incremental").then(|| at(run.minute - 10));
        let manifest = json!({
            "report": REPORT, "run": run.id, "partitions": run.partitions, "status": "complete",
            "complete": run.complete, "reasons": [], "warnings": [], "mode": run.mode,
            "rows": rows, "bytes": 0, "sha256": "", "format": run.format,
            "since": since, "until": at(run.minute), "started_at": at(run.minute),
            "finished_at": at(run.minute), "requests": 1, "credits": 1, "retries": 0,
            "bucket": BUCKET, "key": entries[0]["key"],
            "keys": entries, "manifest_key": manifest_key,
        });
        self.aws
            .put_object(BUCKET, &manifest_key, manifest.to_string());
    }

    async fn try_compact(&self) -> Result<Outcome, Error> {
        compact(&self.compactor()).await
    }

    async fn compact(&self) -> Compacted {
        match self.try_compact().await.unwrap() {
            Outcome::Table(compacted) => compacted,
            Outcome::Skipped { why } => panic!("{why}"),
        }
    }

    fn stored(&self) -> Option<Bytes> {
        self.aws.object(BUCKET, KEY)
    }

    /// The stored rows by id.
    fn rows(&self) -> BTreeMap<String, Stored> {
        let reader = SerializedFileReader::new(self.stored().unwrap()).unwrap();
        let rows: Vec<Stored> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().into_columns().into_iter().collect())
            .collect();
        let count = rows.len();
        let rows: BTreeMap<_, _> = rows
            .into_iter()
            .map(|row| (text(&row, "id").unwrap(), row))
            .collect();
        assert_eq!(rows.len(), count, "an id twice");
        rows
    }

    /// Subject and mark of each stored row.
    fn versions(&self) -> Vec<(String, String, bool)> {
        let rows = self.rows().into_iter();
        rows.map(|(id, row)| (id, text(&row, "subject").unwrap(), is_deleted(&row)))
            .collect()
    }
}

async fn compact(compactor: &Compactor) -> Result<Outcome, Error> {
    let deadline = Instant::now() + Duration::from_mins(1);
    compactor
        .compact(Table::of(REPORT).unwrap(), deadline)
        .await
}

fn encoded(format: &str, rows: &[String]) -> Vec<u8> {
    match format {
        "json" => format!("[{}]\n", rows.join(",\n")).into_bytes(),
        "jsonl" => lines(rows).into_bytes(),
        "jsonl.gz" => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(lines(rows).as_bytes()).unwrap();
            gzip.finish().unwrap()
        }
        other => panic!("{other}"),
    }
}

fn lines(rows: &[String]) -> String {
    let lines: Vec<&str> = rows.iter().flat_map(|row| [row, "\n"]).collect();
    lines.concat()
}

fn text(row: &Stored, column: &str) -> Option<String> {
    match &row[column] {
        Field::Str(text) => Some(text.clone()),
        Field::Null => None,
        other => panic!("{column}: {other}"),
    }
}

fn is_deleted(row: &Stored) -> bool {
    row["_deleted"] == Field::Bool(true)
}

fn version(id: u32, subject: &str, deleted: bool) -> (String, String, bool) {
    (id.to_string(), subject.to_owned(), deleted)
}

#[tokio::test]
async fn the_newest_version_of_each_row_is_in_the_table_as_the_vendor_wrote_it() {
    for format in ["json", "jsonl", "jsonl.gz"] {
        let lake = Lake::start().await;
        lake.commit(&full(
            "old",
            1,
            vec![row(7, "gone before the first full run")],
        ));
        let first = Run {
            format,
            objects: vec![vec![row(1, "a"), row(2, "b")], vec![], vec![row(3, "c")]],
            ..full("f1", 10, vec![])
        };
        lake.commit(&first);
        lake.commit(&Run {
            format,
            ..incremental("i1", 20, vec![row(2, "b2"), row(4, "d")])
        });
        let compacted = lake.compact().await;
        assert_eq!(
            (compacted.rows, compacted.deleted, compacted.runs),
            (4, 0, 2)
        );
        assert_eq!(compacted.key, KEY);
        assert_eq!(compacted.bytes, lake.stored().unwrap().len() as u64);
        assert_eq!(compacted.full_run_at, Some(at(10)));
        let rows = lake.rows();
        assert_eq!(text(&rows["1"], "raw").unwrap(), row(1, "a"));
        assert_eq!(text(&rows["2"], "raw").unwrap(), row(2, "b2"));
        assert_eq!(text(&rows["2"], "_run").unwrap(), "i1");
        assert_eq!(rows["2"]["threadCount"], Field::Long(2));
        assert_eq!(
            rows["2"]["_seen_at"],
            Field::TimestampMillis(at(20).as_millisecond())
        );
        assert_eq!(rows["2"]["_deleted_seen_at"], Field::Null);
        assert_eq!(text(&rows["2"], "status"), None);
        let under = lake.aws.keys(BUCKET).into_iter();
        let under: Vec<_> = under.filter(|key| key.starts_with("current/")).collect();
        assert_eq!(under, [KEY]);
    }
}

#[tokio::test]
async fn the_next_compaction_reads_only_new_runs_and_the_table() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a"), row(2, "b")]));
    lake.compact().await;
    // Whoever read these again would fail.
    lake.aws
        .put_object(BUCKET, "tickets/dt=2026-03-04/f1-0.json", "");
    let unchanged = lake.stored();
    let again = lake.compact().await;
    assert_eq!((again.rows, again.runs), (2, 0));
    assert_eq!(lake.stored(), unchanged);

    lake.commit(&incremental("i1", 20, vec![row(2, "b2")]));
    let next = lake.compact().await;
    assert_eq!((next.rows, next.runs), (2, 1));
    assert_eq!(
        lake.versions(),
        [version(1, "a", false), version(2, "b2", false)]
    );
}

#[tokio::test]
async fn what_a_complete_full_run_lacks_is_marked_until_it_shows_up_again() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a"), row(2, "b"), row(3, "c")]));
    lake.compact().await;
    lake.commit(&incremental("i1", 20, vec![row(3, "c2"), row(4, "d")]));
    lake.commit(&Run {
        complete: false,
        ..full("f2", 25, vec![row(4, "d")])
    });
    assert_eq!(lake.compact().await.deleted, 0, "f2 is not complete");

    lake.commit(&full("f3", 30, vec![row(1, "a3"), row(2, "b")]));
    lake.commit(&incremental("i2", 40, vec![row(5, "e")]));
    let compacted = lake.compact().await;
    assert_eq!((compacted.rows, compacted.deleted), (5, 2));
    assert_eq!(
        lake.versions(),
        [
            version(1, "a3", false),
            version(2, "b", false),
            version(3, "c2", true),
            version(4, "d", true),
            version(5, "e", false),
        ]
    );
    let marked = &lake.rows()["3"];
    assert_eq!(
        marked["_deleted_seen_at"],
        Field::TimestampMillis(at(30).as_millisecond())
    );
    assert_eq!(text(marked, "_run").unwrap(), "i1");

    lake.commit(&incremental("i3", 50, vec![row(3, "c5")]));
    lake.commit(&full("f4", 60, vec![row(3, "c5")]));
    assert_eq!(lake.compact().await.deleted, 4);
    let rows = lake.rows();
    assert_eq!(
        rows["4"]["_deleted_seen_at"],
        Field::TimestampMillis(at(30).as_millisecond()),
        "when it was first found gone"
    );
    assert!(!is_deleted(&rows["3"]));
}

#[tokio::test]
async fn a_full_run_that_stops_in_the_past_deletes_nothing() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a"), row(2, "b")]));
    lake.commit(&full("f2", 20, vec![row(1, "a")]));
    let key = "tickets/_runs/f2.json";
    let manifest = lake.aws.object(BUCKET, key).unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["until"] = json!(at(5));
    lake.aws.put_object(BUCKET, key, manifest.to_string());
    let compacted = lake.compact().await;
    assert_eq!((compacted.rows, compacted.deleted), (2, 0));
}

#[tokio::test]
async fn marked_rows_go_when_they_were_kept_long_enough() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a"), row(2, "b")]));
    lake.compact().await;
    lake.commit(&full("f2", 20, vec![row(1, "a")]));
    let keep = SignedDuration::from_hours(48);
    let keeping = lake.compactor().keeping_deleted(keep);
    compact(&keeping).await.unwrap();
    assert_eq!(lake.rows().len(), 2);

    lake.clock.set(at(20) + keep);
    compact(&keeping).await.unwrap();
    assert_eq!(lake.versions(), [version(1, "a", false)]);
}

#[tokio::test]
async fn a_run_that_commits_late_takes_its_place_between_the_others() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a"), row(2, "b"), row(3, "c")]));
    lake.commit(&incremental("i3", 40, vec![row(1, "a40")]));
    lake.compact().await;
    lake.commit(&incremental("i1", 20, vec![row(1, "a20"), row(2, "b20")]));
    lake.commit(&incremental("i2", 30, vec![row(2, "b30")]));
    lake.commit(&incremental("i4", 50, vec![row(4, "d50")]));
    assert_eq!(lake.compact().await.runs, 3);
    assert_eq!(
        lake.versions(),
        [
            version(1, "a40", false),
            version(2, "b30", false),
            version(3, "c", false),
            version(4, "d50", false),
        ]
    );
}

#[tokio::test]
async fn limited_runs_are_left_out_and_a_report_without_others_is_skipped() {
    let lake = Lake::start().await;
    let why = |outcome| match outcome {
        Outcome::Skipped { why } => why,
        Outcome::Table(table) => panic!("{table:?}"),
    };
    assert!(why(lake.try_compact().await.unwrap()).contains("never run"));
    lake.commit(&Run {
        partitions: json!([{"key": "department_id", "value": "7"}]),
        ..full("f1", 10, vec![row(1, "a")])
    });
    assert!(why(lake.try_compact().await.unwrap()).contains("limited"));
    assert_eq!(lake.stored(), None);

    lake.commit(&incremental("i1", 20, vec![row(2, "b")]));
    let compacted = lake.compact().await;
    assert_eq!((compacted.rows, compacted.full_run_at), (1, None));
    assert_eq!(lake.versions(), [version(2, "b", false)]);
}

#[tokio::test]
async fn an_empty_report_is_an_empty_table() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![]));
    assert_eq!(lake.compact().await.rows, 0);
    assert_eq!(lake.rows().len(), 0);
    lake.commit(&full("f2", 20, vec![row(1, "a")]));
    lake.compact().await;
    lake.commit(&full("f3", 30, vec![]));
    assert_eq!(lake.compact().await.deleted, 1);
}

#[tokio::test]
async fn fields_of_an_unexpected_type_are_null_and_still_in_raw() {
    let lake = Lake::start().await;
    let odd = r#"{"id":"1","subject":{"a":1},"status":3,"threadCount":"x","isSpam":"maybe","createdTime":[],"extra":1}"#;
    let big = r#"{"id":"18446744073709551616","subject":"x"}"#;
    lake.commit(&full("f1", 10, vec![odd.to_owned(), big.to_owned()]));
    lake.compact().await;
    let rows = lake.rows();
    for column in ["subject", "status", "threadCount", "isSpam", "createdTime"] {
        assert_eq!(rows["1"][column], Field::Null, "{column}");
    }
    assert_eq!(text(&rows["1"], "raw").unwrap(), odd);
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn what_differs_from_its_manifest_fails_loudly_and_leaves_the_table() {
    let object = "tickets/dt=2026-03-04/i1-0.json";
    let good = encoded("json", &[row(1, "b")]);
    let cases: [(&str, Option<Vec<u8>>); 4] = [
        ("sha256", Some(encoded("json", &[row(1, "x")]))),
        ("bytes", Some(good[..good.len() - 1].to_vec())),
        ("is gone", None),
        ("not readable", Some(b"[1, 2]".to_vec())),
    ];
    for (names, bytes) in cases {
        let lake = Lake::start().await;
        lake.commit(&full("f1", 10, vec![row(1, "a")]));
        lake.compact().await;
        let before = lake.stored();
        lake.commit(&incremental("i1", 20, vec![row(1, "b")]));
        if let Some(bytes) = bytes {
            lake.aws.put_object(BUCKET, object, bytes);
        } else {
            let delete = lake.client().delete_object();
            delete.bucket(BUCKET).key(object).send().await.unwrap();
        }
        let error = lake.try_compact().await.unwrap_err();
        assert!(error.to_string().contains(names), "{names}: {error}");
        assert!(error.to_string().contains(object), "{error}");
        assert!(!error.is_transient());
        assert_eq!(lake.stored(), before);
    }
}

#[tokio::test]
async fn a_manifest_that_counts_other_rows_fails_loudly() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a")]));
    let key = "tickets/_runs/f1.json";
    let manifest = lake.aws.object(BUCKET, key).unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest["keys"][0]["rows"] = json!(2);
    lake.aws.put_object(BUCKET, key, manifest.to_string());
    let error = lake.try_compact().await.unwrap_err();
    assert!(error.to_string().contains("has rows 1"), "{error}");
    assert_eq!(lake.stored(), None);
}

#[tokio::test]
async fn somebody_elses_object_in_the_tables_place_is_not_touched() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, vec![row(1, "a")]));
    for foreign in ["", "no table at all", "PAR1----PAR1"] {
        lake.aws.put_object(BUCKET, KEY, foreign);
        let error = lake.try_compact().await.unwrap_err();
        assert!(matches!(error, Error::Stored { .. }), "{error}");
        assert_eq!(lake.stored().unwrap(), foreign.as_bytes());
    }
}

fn many(subject: &str) -> Vec<String> {
    (0..2_000)
        .map(|id| {
            row(
                id,
                &format!("{subject} {}", hex::encode(Sha256::digest(id.to_string()))),
            )
        })
        .collect()
}

#[tokio::test]
async fn two_compactions_at_once_both_end_with_the_whole_table() {
    for piecemeal in [true, false] {
        let lake = Lake::start().await;
        lake.commit(&full("f1", 10, many("a")));
        let compactors = [0; 4].map(|_| {
            if piecemeal {
                lake.piecemeal()
            } else {
                lake.compactor()
            }
        });
        let outcomes = tokio::join!(
            compact(&compactors[0]),
            compact(&compactors[1]),
            compact(&compactors[2]),
            compact(&compactors[3]),
        );
        for outcome in <[_; 4]>::from(outcomes) {
            match outcome.unwrap() {
                Outcome::Table(table) => assert_eq!(table.rows, 2_000),
                Outcome::Skipped { why } => panic!("{why}"),
            }
        }
        assert_eq!(lake.rows().len(), 2_000);
        assert!(lake.aws.open_uploads(BUCKET).is_empty());
    }
}

#[tokio::test]
async fn a_table_replaced_in_the_middle_is_read_again() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, many("a")));
    lake.compact().await;
    lake.commit(&incremental("i1", 20, vec![row(1, "b")]));
    for (action, compactor) in [
        ("PutObject", lake.compactor()),
        ("CompleteMultipartUpload", lake.piecemeal()),
    ] {
        lake.aws
            .inject(Fault::conflict(action).on("current/").times(1));
        compact(&compactor).await.unwrap();
        assert_eq!(lake.rows()["1"]["subject"], Field::Str("b".into()));
        assert!(lake.aws.open_uploads(BUCKET).is_empty());
        lake.commit(&incremental("i2", 30, vec![row(1, "b")]));
    }
}

#[tokio::test]
async fn an_answer_that_gets_lost_does_not_count_as_a_failure() {
    let lake = Lake::start().await;
    for (action, compactor) in [
        ("PutObject", lake.compactor()),
        ("CompleteMultipartUpload", lake.piecemeal()),
    ] {
        lake.commit(&full(&action.to_lowercase(), 10, many("a")));
        lake.aws
            .inject(Fault::lose_answer(action).on("current/").times(1));
        compact(&compactor).await.unwrap();
        assert_eq!(lake.rows().len(), 2_000, "{action}");
    }
}

#[tokio::test]
async fn a_failure_at_any_call_leaves_the_previous_table_and_no_upload() {
    for action in [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "GetObject",
    ] {
        let lake = Lake::start().await;
        lake.commit(&full("f1", 10, many("a")));
        compact(&lake.piecemeal()).await.unwrap();
        let before = lake.stored().unwrap();
        lake.commit(&full("f2", 20, many("b")));
        lake.aws.inject(Fault::deny(action));
        let failed = compact(&lake.piecemeal()).await;
        assert!(
            matches!(failed, Err(Error::Lake(lake::Error::Denied { .. }))),
            "{action}: {failed:?}"
        );
        assert_eq!(lake.stored().unwrap(), before, "{action}");
        assert!(lake.aws.open_uploads(BUCKET).is_empty(), "{action}");
    }
}

#[tokio::test]
async fn a_compaction_that_runs_out_of_time_leaves_the_previous_table() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, many("a")));
    compact(&lake.compactor()).await.unwrap();
    let before = lake.stored().unwrap();
    lake.commit(&full("f2", 20, many("b")));
    // The upload begins, its first part hangs.
    lake.aws.hang_from(2, Hang::BeforeEffect);
    let deadline = Instant::now() + Duration::from_millis(500);
    let table = Table::of(REPORT).unwrap();
    let error = lake.piecemeal().compact(table, deadline).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    assert_eq!(lake.stored().unwrap(), before);

    lake.aws.heal();
    compact(&lake.piecemeal()).await.unwrap();
    assert_eq!(lake.rows()["1"]["_run"], Field::Str("f2".into()));
}

#[tokio::test]
async fn a_large_table_has_many_row_groups_and_parts() {
    let lake = Lake::start().await;
    lake.commit(&full("f1", 10, many("a")));
    compact(&lake.piecemeal()).await.unwrap();
    let reader = SerializedFileReader::new(lake.stored().unwrap()).unwrap();
    assert!(reader.num_row_groups() > 20);
    assert!(lake.aws.calls("UploadPart") >= 2);

    lake.commit(&incremental("i1", 20, vec![row(3, "b")]));
    compact(&lake.piecemeal()).await.unwrap();
    let rows = lake.rows();
    assert_eq!(rows.len(), 2_000);
    assert_eq!(rows["3"]["subject"], Field::Str("b".into()));
    for (id, raw) in (0..).zip(many("a")) {
        if id != 3 {
            assert_eq!(rows[&id.to_string()]["raw"], Field::Str(raw));
        }
    }
}

/// One run of a random history, and whether a compaction comes after it.
#[derive(Debug, Clone)]
struct Event {
    full: bool,
    complete: bool,
    limited: bool,
    format: usize,
    /// Committed so many events later than it began.
    late: usize,
    rows: Vec<(u32, u32)>,
    compact: bool,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let rows = proptest::collection::btree_map(0_u32..12, 0_u32..1_000, 0..8);
    let event = (
        proptest::bool::weighted(0.35),
        proptest::bool::weighted(0.8),
        proptest::bool::weighted(0.1),
        0_usize..3,
        prop_oneof![4 => Just(0_usize), 1 => 1_usize..4],
        rows,
        any::<bool>(),
    );
    let event = event.prop_map(
        |(full, complete, limited, format, late, rows, compact)| Event {
            full,
            complete,
            limited,
            format,
            late,
            rows: rows.into_iter().collect(),
            compact,
        },
    );
    proptest::collection::vec(event, 1..9)
}

/// What the table must be: written down as the rule says it, without any order of reading.
#[derive(Default)]
struct Model {
    /// Runs in the table, by when they began.
    in_table: BTreeMap<usize, Event>,
    looked_at: Vec<usize>,
    exists: bool,
}

impl Model {
    fn compact(&mut self, committed: &BTreeMap<usize, Event>) {
        let newest_full = |runs: &BTreeMap<usize, Event>| {
            let fulls = runs.iter().rev();
            fulls
                .filter(|(_, run)| run.full && run.complete && !run.limited)
                .map(|(began, _)| *began)
                .next()
        };
        let floor = if self.exists {
            newest_full(&self.in_table)
        } else {
            newest_full(committed)
        };
        for (began, run) in committed {
            let new = !self.looked_at.contains(began);
            self.looked_at.push(*began);
            if new && !run.limited && floor.is_none_or(|floor| *began >= floor) {
                self.in_table.insert(*began, run.clone());
                self.exists = true;
            }
        }
    }

    fn versions(&self) -> Vec<(String, String, bool)> {
        let mut rows: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for (began, run) in &self.in_table {
            for (id, version) in &run.rows {
                rows.insert(id.to_string(), (version.to_string(), *began));
            }
        }
        rows.into_iter()
            .map(|(id, (version, seen))| {
                let gone = self
                    .in_table
                    .iter()
                    .any(|(began, run)| run.full && run.complete && *began > seen);
                (id, version, gone)
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_history_gives_the_table_that_the_rule_says(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let lake = Lake::start().await;
            let mut model = Model::default();
            let mut committed = BTreeMap::new();
            for now in 0..events.len() {
                for (began, event) in events.iter().enumerate() {
                    if began + event.late != now {
                        continue;
                    }
                    let rows = event.rows.iter().map(|(id, v)| row(*id, &v.to_string())).collect();
                    let id = format!("r{began}");
                    lake.commit(&Run {
                        mode: if event.full { "full" } else { "incremental" },
                        complete: event.complete,
                        partitions: if event.limited { json!([{"key": "status", "value": "Open"}]) } else { json!([]) },
                        format: ["json", "jsonl", "jsonl.gz"][event.format],
                        ..full(&id, 10 * i64::try_from(began).unwrap(), rows)
                    });
                    committed.insert(began, event.clone());
                }
                if events[now].compact || now + 1 == events.len() {
                    model.compact(&committed);
                    let outcome = lake.try_compact().await.unwrap();
                    assert_eq!(matches!(outcome, Outcome::Table(_)), model.exists);
                    if let Outcome::Table(table) = outcome {
                        assert_eq!(lake.versions(), model.versions());
                        let deleted = model.versions().iter().filter(|row| row.2).count();
                        assert_eq!(table.deleted, deleted as u64);
                    }
                }
            }
        });
    }
}
