use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::figures::Goal;
use crate::hub::{Binaries, DATABASES, Hub, WORKER_MEMORY_MB, since};
use crate::servers::Servers;
use crate::sources::server;
use crate::throttle::Throttle;
use crate::{Failure, Report};

const ROWS: i32 = 1_000_000;
const LEG: Duration = Duration::from_mins(1);
const MOST_MEMORY_MB: f64 = 96.0;
/// Between two changes of the table while it is read.
const PAUSE: Duration = Duration::from_millis(50);

/// A PostgreSQL table of a million rows, read in invocations of a minute while it changes; whether
/// the records are the table at the end.
pub(crate) async fn followed(binaries: &Binaries, report: &mut Report) -> Result<bool, Failure> {
    println!(
        "\n{ROWS} rows of PostgreSQL in invocations of {} s at {WORKER_MEMORY_MB} MB, while rows change",
        LEG.as_secs()
    );
    let servers = Servers::start().await?;
    let Some(client) = servers.postgresql().await? else {
        println!("  not measured: PostgreSQL is not installed here");
        return Ok(true);
    };
    fill(&client).await?;
    let hub = Hub::start(binaries, 1).await?;
    let id = hub
        .create(&server(&servers, "postgresql", "public.orders").body)
        .await?;
    let worker = hub.worker(&binaries.database).await?;
    let throttle = Throttle::of(worker.process_id()?, WORKER_MEMORY_MB)?;
    if throttle.is_none() {
        println!("  the worker has a whole processor: less needs cgroups of version 1, and root");
    }
    let began = Instant::now();
    let first = tokio::select! {
        changed = changes(&client) => return changed.map(|()| false),
        synced = hub.sync(id, &worker, DATABASES, LEG) => synced?,
    };
    // What changed behind the first run's back is the next run's.
    let second = hub.sync(id, &worker, DATABASES, LEG).await?;
    let peak = first.peak_mb.max(second.peak_mb);
    println!(
        "  first run: {} rows, {} legs, longest {:.1} s, {:.0} rows/s; second run: {} rows; peak {peak:.1} MB; {:.0} s in all",
        first.rows,
        first.legs,
        first.longest_leg_seconds,
        first.rows_per_second,
        second.rows,
        since(began)
    );
    report.goals.push(Goal::at_most(
        "peak memory of a million rows of PostgreSQL, MB",
        peak,
        MOST_MEMORY_MB,
    ));
    report.goals.push(Goal::at_most(
        "longest invocation of them, s",
        first.longest_leg_seconds.max(second.longest_leg_seconds),
        LEG.as_secs_f64(),
    ));
    let wrong = differences(&client, &hub, id).await?;
    println!("  records that are not the table's rows: {wrong}");
    report.put(
        "million_rows",
        json!({"first": first, "second": second, "wrong": wrong}),
    );
    Ok(wrong == 0)
}

async fn fill(client: &Client) -> Result<(), Failure> {
    client
        .batch_execute(&format!(
            "CREATE TABLE orders (id INT PRIMARY KEY, note TEXT NOT NULL, amount NUMERIC(38,18) NOT NULL, changed TIMESTAMPTZ NOT NULL);
             INSERT INTO orders SELECT n, 'order ' || n || ' of somebody who buys a hundred bytes of text each time', n + 0.000000000000000001, now() - interval '1 day' + n * interval '1 millisecond' FROM generate_series(1, {ROWS}) n;
             CREATE INDEX ON orders (changed, id); ANALYZE orders"
        ))
        .await?;
    Ok(())
}

/// Changes one row and adds one, again and again.
async fn changes(client: &Client) -> Result<(), Failure> {
    for n in 1..ROWS {
        let (changed, added) = (n * 487 % ROWS + 1, ROWS + n);
        client
            .batch_execute(&format!(
                "UPDATE orders SET note = 'changed {n}', changed = clock_timestamp() WHERE id = {changed};
                 INSERT INTO orders VALUES ({added}, 'added {n}', 1.5, clock_timestamp())"
            ))
            .await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Records that differ from the table's rows, are missing, or too many.
async fn differences(client: &Client, hub: &Hub, id: u64) -> Result<usize, Failure> {
    let mut truth = HashMap::new();
    for row in client
        .query(
            "SELECT id, note, amount::text, changed::text FROM orders",
            &[],
        )
        .await?
    {
        let (id, note, amount): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        truth.insert(id.to_string(), (note, amount));
    }
    let mut wrong = 0;
    let mut cursor = String::new();
    loop {
        let path = format!("/{id}/data/export?limit=10000{cursor}");
        let (headers, lines, _) = hub.call("GET", &path, None).await?;
        for line in lines.lines() {
            let record: Value = serde_json::from_str(line)?;
            let data = &record["data"];
            let external = record["externalId"].as_str().unwrap_or_default();
            let same = truth.remove(external).is_some_and(|(note, amount)| {
                data["note"] == note && data["amount"] == amount && record["syncStatus"] == "synced"
            });
            wrong += usize::from(!same);
        }
        match headers["x-next-cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(wrong + truth.len()),
        }
    }
}
