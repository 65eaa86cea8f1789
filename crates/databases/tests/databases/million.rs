//! The run that a million rows take, by hand: `cargo test -p databases -- --ignored million`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use engine::{Mode, Reading, Source, Stop};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::reading::{Database, full, incremental};
use crate::servers::Servers;

const ROWS: u32 = 1_000_000;
const LEG: Duration = Duration::from_mins(1);

/// What is kept of a row here: enough to see whether it is the right one.
type Held = HashMap<u32, u64>;

#[derive(Deserialize)]
struct Row {
    id: String,
}

pub(crate) async fn a_million_rows_in_legs_while_they_change(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(&format!(
            "CREATE TABLE orders (id bigint PRIMARY KEY, customer text, total numeric(38,18), \
             placed date, note jsonb, updated_at timestamptz NOT NULL); \
             INSERT INTO orders SELECT n, 'customer ' || n % 1000, n / 7.0, date '2020-01-01' + n % 1000, \
             jsonb_build_object('n', n), timestamptz '2024-01-01 00:00:00+00' + n * interval '1 ms' \
             FROM generate_series(1, {ROWS}) AS n; \
             CREATE INDEX ON orders (updated_at, id); ANALYZE orders"
        ))
        .await;
    let writer = Writer::start(&servers, &database).await;
    let mut held = Held::with_capacity(ROWS as usize * 2);
    let began = Instant::now();
    let mut state = legs(&database, full("public.orders"), &mut held).await;
    let took = began.elapsed();
    let rows = held.len();
    let changes = writer.stop().await;
    assert!(changes > 0, "nothing changed meanwhile");
    for _ in 0..2 {
        state = legs(&database, incremental("public.orders", &state), &mut held).await;
    }
    println!(
        "{rows} rows in {} ms, {} rows/s, {changes} rows changed meanwhile, peak {} KiB (of which about {} KiB hold the comparison)",
        took.as_millis(),
        rows as u128 * 1000 / took.as_millis().max(1),
        peak_kib(),
        held.capacity() * 17 / 1024
    );
    // The truth, read when nothing changes any more.
    let mut truth = Held::with_capacity(ROWS as usize * 2);
    legs(&database, full("public.orders"), &mut truth).await;
    let deleted = held.keys().filter(|id| !truth.contains_key(id)).count();
    held.retain(|id, _| truth.contains_key(id));
    assert!(held == truth, "some rows are lost, or old");
    println!(
        "row-exact: {} rows, {deleted} that were deleted meanwhile",
        truth.len()
    );
    let count = database.texts("SELECT count(*)::text FROM orders").await;
    assert_eq!(count, [truth.len().to_string()]);
}

/// Reads a stream to its end, in legs that each are a new source.
async fn legs(database: &Database, reading: Reading, held: &mut Held) -> Box<RawValue> {
    let mut resume = None;
    loop {
        let began = Instant::now();
        let source: Box<dyn Source> = database.source(&json!({"lagSeconds": 30})).await;
        let reading = Reading {
            resume,
            ..reading.clone()
        };
        // In a full reading legs are short, to have some.
        let leg = if reading.mode == Mode::Full {
            LEG / 20
        } else {
            LEG
        };
        let mut reader = source.read(reading).await.unwrap();
        let mut stopped = false;
        while let Some(piece) = reader.next().await.unwrap() {
            let engine::Piece::Rows { rows, .. } = piece else {
                panic!("only rows come from a table");
            };
            for row in rows {
                let id = serde_json::from_str::<Row>(row.get()).unwrap().id;
                let mut hash = DefaultHasher::new();
                row.get().hash(&mut hash);
                held.insert(id.parse().unwrap(), hash.finish());
            }
            if !stopped && began.elapsed() > leg {
                stopped = true;
                reader.stop(Stop::Soon);
            }
        }
        assert!(began.elapsed() < LEG, "a leg took too long");
        if reader.at_end() {
            return reader.state().unwrap().unwrap();
        }
        resume = Some(reader.position().unwrap());
    }
}

/// Changes rows all the while.
struct Writer {
    stop: tokio::sync::watch::Sender<bool>,
    task: tokio::task::JoinHandle<u64>,
}

impl Writer {
    async fn start(servers: &Servers, database: &Database) -> Self {
        let client = Database::postgres_client(&servers.postgres(), &database.name).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(async move {
            let mut changed = 0;
            for n in 1_u32.. {
                if *stopped.borrow() {
                    break;
                }
                let id = n.wrapping_mul(7919) % ROWS;
                let new = ROWS + n;
                changed += client
                    .execute(
                        &format!(
                            "UPDATE orders SET note = '{{\"changed\": {n}}}', updated_at = clock_timestamp() \
                             WHERE id BETWEEN {id} AND {id} + 9"
                        ),
                        &[],
                    )
                    .await
                    .unwrap();
                client
                    .batch_execute(&format!(
                        "INSERT INTO orders VALUES ({new}, 'new', 1, current_date, '{{}}', clock_timestamp()); \
                         DELETE FROM orders WHERE id = {}",
                        id + 10
                    ))
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            changed
        });
        Self { stop, task }
    }

    async fn stop(self) -> u64 {
        self.stop.send(true).unwrap();
        self.task.await.unwrap()
    }
}

/// The most memory that this process ever had, where the system tells.
fn peak_kib() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0)
}
