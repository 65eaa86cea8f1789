//! Random faults on both sides, clocks that differ, invocations that end early and deaths at random
//! writes, from a seed, so that a failure can be replayed:
//! `FAULT_SEEDS=1234..1235 cargo test -p report-function faults`.
//!
//! An account is read in full once, then it changes, then incremental runs go on: each under its own
//! faults, in several invocations. At the end every row that existed throughout is in the runs, as it
//! is now, none twice; what was readable stayed readable; nothing is left lying about.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clock::{Clock, SystemClock};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use lake::Status;
use lambda_kit::{ErrorType, Failure};
use reports::{Finished, Report};
use serde_json::{Value, json};
use simulators::aws::{Fault as AwsFault, Hang};
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation, Options};

use crate::harness::{BUCKET, SECRET, World, invoke_within};

/// Time of an invocation under faults, at most; what it leaves may be cleared away after it.
const LIFE: Duration = Duration::from_secs(8);
const AT_ONCE: usize = 16;

/// Invocations that any run needs at most once nothing fails any more.
const ENOUGH: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn no_schedule_of_faults_loses_or_doubles_a_row() {
    let seeds = seeds();
    let mut running = tokio::task::JoinSet::new();
    for seed in seeds {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(schedule(seed));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a person asks for more seeds")]
fn seeds() -> Range<u64> {
    let asked = std::env::var("FAULT_SEEDS").ok();
    let asked = asked.as_deref().and_then(|asked| {
        let (from, to) = asked.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    asked.unwrap_or(0..40)
}

/// One account's life.
struct Story {
    seed: u64,
    random: Rng,
    world: World,
    /// The vendor's clock.
    clock: Passing,
    /// How far the function's clock is ahead of the vendor's.
    skew: SignedDuration,
}

/// The machine's clock, and the time that a test let pass besides.
#[derive(Debug, Clone, Default)]
struct Passing(Arc<AtomicI64>);

impl Passing {
    fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead()
    }
}

#[derive(Debug)]
struct Skewed(Passing, SignedDuration);

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }
}

async fn schedule(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut options = Options::with_tickets(random.u32(1..1_300));
    options.seed = seed;
    options.latency = Duration::from_millis(random.u64(0..40));
    let clock = Passing::default();
    options.clock = Arc::new(clock.clone());
    let mut story = Story {
        seed,
        world: World::of(options).await,
        // Within what runs allow for before they count a moment as past.
        skew: SignedDuration::from_millis(random.i64(-4_000..4_000)),
        clock,
        random,
    };
    // A grant code is good once: what it brings is lost with a process that cannot store it.
    story.world.run(Report::Departments, json!({})).await;
    story.pass_time();
    story.read(&json!({"full": true})).await;
    for _ in 0..story.random.u32(1..3) {
        story.change();
        story.pass_time();
        story.read(&json!({})).await;
    }
    story.check_history();
    // The next runs clear away whatever the troubled ones left.
    for event in [json!({}), json!({"full": true})] {
        story.pass_time();
        let existed = story.account();
        let finished = story.read_in_peace(&event).await;
        story.check_run(&finished, &existed);
    }
    story.check_nothing_is_left();
}

impl Story {
    /// Past the moment up to which a run reads, and past a token's first minute.
    fn pass_time(&self) {
        self.clock.pass(Duration::from_secs(70));
    }

    /// Sends the event under faults for some invocations, then without, until the run is done.
    async fn read(&mut self, event: &Value) {
        let existed = self.account();
        let before = self.readable();
        self.break_vendor();
        let store = self.store_faults();
        let mut done = None;
        for _ in 0..self.random.u32(1..5) {
            store
                .iter()
                .cloned()
                .for_each(|fault| self.world.aws.inject(fault));
            let outcome = self.invoke_to_its_end_or_death(event).await;
            self.world.aws.heal();
            self.assert_still_readable(&before);
            match outcome {
                Some(Ok(finished)) if finished.status == Status::Complete => {
                    done = Some(finished);
                    break;
                }
                Some(Ok(_)) | None => {}
                Some(Err(failure)) => self.assert_known(&failure),
            }
        }
        self.world.zoho.clear_faults();
        let finished = match done {
            Some(finished) if finished.complete => finished,
            _ => self.read_in_peace(event).await,
        };
        self.check_run(&finished, &existed);
    }

    /// `None` is a death.
    async fn invoke_to_its_end_or_death(
        &mut self,
        event: &Value,
    ) -> Option<Result<Finished, Failure>> {
        let life = Duration::from_millis(self.random.u64(600..4_000)).min(LIFE);
        if self.random.u8(0..3) == 0 {
            let how = [Hang::BeforeEffect, Hang::AfterEffect][self.random.usize(0..2)];
            let nth = self.random.u64(1..12);
            self.world.aws.hang_from(nth, how);
        }
        let width = self.random.u32(1..6).to_string();
        let function = self.function(&width);
        let ends = self.context_end(life);
        let outcome = tokio::select! {
            outcome = invoke_within(&function, event.clone(), ends) => Some(outcome),
            () = self.world.aws.hung() => None,
        };
        // What died is dead for certain from the end of its time on.
        self.clock.pass(life);
        outcome
    }

    async fn read_in_peace(&mut self, event: &Value) -> Finished {
        // Past the reset of spent credits.
        self.clock.pass(Duration::from_secs(2));
        let mut begun_before = true;
        for _ in 0..ENOUGH {
            let function = self.function("10");
            let life = self.context_end(LIFE * 4);
            let finished = invoke_within(&function, event.clone(), life)
                .await
                .unwrap_or_else(|failure| panic!("seed {}: {failure}", self.seed));
            match finished.status {
                Status::Complete if finished.complete => return finished,
                // It was begun in trouble, and says what that kept it from reading.
                Status::Complete if begun_before => begun_before = false,
                Status::Complete => panic!("seed {}: {:?}", self.seed, finished.reasons),
                Status::Partial => {}
            }
        }
        panic!("seed {}: no end of it", self.seed)
    }

    fn function(&self, width: &str) -> report_function::Function {
        let clock = Arc::new(Skewed(self.clock.clone(), self.skew));
        self.world
            .function_of(Report::Tickets, &[("MAX_CONCURRENCY", width)], clock)
    }

    /// The harness counts an invocation's time by the machine's clock, the function by its own.
    fn context_end(&self, life: Duration) -> Duration {
        let ahead = self.clock.ahead() + self.skew;
        let ends = SignedDuration::try_from(life).unwrap() + ahead;
        Duration::try_from(ends).unwrap_or_default()
    }

    fn change(&mut self) {
        for change in [Change::Create, Change::Modify, Change::Delete] {
            let count = self.random.u32(0..20);
            if count > 0 {
                self.world
                    .zoho
                    .mutate(&Mutation::of(Entity::Tickets, change, count));
            }
        }
    }

    fn break_vendor(&mut self) {
        let random = &mut self.random;
        let faults = [
            Fault::TooManyRequests,
            Fault::ServerError,
            Fault::ConnectionReset,
            Fault::TruncatedBody,
            Fault::Html { status: 200 },
            Fault::MalformedJson,
            Fault::ErrorBody,
            Fault::Stall { seconds: 0.3 },
        ];
        for fault in faults {
            let rule = FaultRule::sometimes(random.f64() * 0.04, fault);
            if random.bool() {
                self.world.zoho.add_fault(rule);
            }
        }
        // A token that dies within a minute is a verdict on the account, not a fault.
        let refused = if random.bool() {
            Fault::TokensExpire
        } else {
            Fault::InvalidOauth
        };
        if random.bool() {
            let rule = FaultRule::next(1, refused).after(random.u32(0..10));
            self.world.zoho.add_fault(rule);
        }
        if random.u8(0..8) == 0 {
            let spent = Fault::ThresholdExceeded { retry_after_s: 1 };
            let rule = FaultRule::next(1, spent).after(random.u32(5..30));
            self.world.zoho.add_fault(rule);
        }
        if random.u8(0..4) == 0 {
            self.world
                .zoho
                .add_fault(FaultRule::next(1, Fault::MintThrottle));
        }
        if random.bool() {
            let change = [Change::Create, Change::Modify, Change::Delete][random.usize(0..3)];
            self.world
                .zoho
                .add_fault(FaultRule::always(Fault::ChangeData {
                    every: random.u32(1..6),
                    mutation: Mutation::of(Entity::Tickets, change, random.u32(1..4)),
                }));
        }
    }

    fn store_faults(&mut self) -> Vec<AwsFault> {
        let random = &mut self.random;
        let lake = [
            AwsFault::slow_down("*"),
            AwsFault::internal_error("PutObject"),
            AwsFault::conflict("PutObject"),
            AwsFault::lose_answer("PutObject"),
            AwsFault::failing_complete(),
        ];
        let secrets = [
            AwsFault::throttle("GetSecretValue"),
            AwsFault::throttle("PutSecretValue"),
            AwsFault::throttle("UpdateSecretVersionStage"),
            AwsFault::internal_error("PutSecretValue"),
        ];
        let lake = lake.map(|fault| fault.on("tickets/"));
        let secrets = secrets.map(|fault| fault.on(SECRET));
        lake.into_iter()
            .chain(secrets)
            .filter_map(|fault| {
                let probability = random.f64() * 0.2;
                random.bool().then(|| fault.with_probability(probability))
            })
            .collect()
    }

    fn assert_known(&self, failure: &Failure) {
        let known = [
            ErrorType::Upstream,
            ErrorType::DeadlineExceeded,
            ErrorType::StorageDenied,
            ErrorType::RateLimited,
            ErrorType::QuotaExhausted,
        ];
        assert!(
            known.contains(&failure.error_type),
            "seed {}: {failure}",
            self.seed
        );
    }

    /// The objects that readers are pointed at.
    fn readable(&self) -> Vec<String> {
        let pointer = self.world.pointer(Report::Tickets);
        let keys = pointer.map(|pointer| pointer["keys"].clone());
        serde_json::from_value(keys.unwrap_or_else(|| json!([]))).unwrap()
    }

    fn assert_still_readable(&self, before: &[String]) {
        for key in before.iter().chain(&self.readable()) {
            let there = self.world.aws.object(BUCKET, key).is_some();
            assert!(there, "seed {}: {key} is gone", self.seed);
        }
    }

    fn account(&self) -> BTreeMap<String, String> {
        self.by_id(self.world.truth(Report::Tickets, ""), "the account")
    }

    fn by_id(&self, rows: Vec<String>, what: &str) -> BTreeMap<String, String> {
        let count = rows.len();
        let rows: BTreeMap<String, String> = rows
            .into_iter()
            .map(|row| (text(&row, "id"), row))
            .collect();
        assert_eq!(
            rows.len(),
            count,
            "seed {}: a row is doubled in {what}",
            self.seed
        );
        rows
    }

    /// A full run has every row that existed throughout; any run has none twice.
    fn check_run(&self, finished: &Finished, existed: &BTreeMap<String, String>) {
        let seed = self.seed;
        let stored = self.by_id(self.world.rows(finished), "a run");
        assert_eq!(stored.len() as u64, finished.rows, "seed {seed}");
        if finished.since.is_none() {
            let there = self.account();
            let lost = existed
                .iter()
                .filter(|(_, row)| before(row, "createdTime", finished.until))
                .filter(|(id, _)| there.contains_key(*id) && !stored.contains_key(*id))
                .count();
            assert_eq!(lost, 0, "seed {seed}: rows are lost");
        }
    }

    fn check_nothing_is_left(&self) {
        let seed = self.seed;
        let keys = self.world.aws.keys(BUCKET);
        let left: Vec<&String> = keys.iter().filter(|key| key.contains("/_open/")).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?}");
        let uploads = self.world.aws.open_uploads(BUCKET);
        assert!(uploads.is_empty(), "seed {seed}: {uploads:?}");
        for key in keys.iter().filter(|key| key.starts_with("tickets/dt=")) {
            let named = self.manifests().iter().any(|manifest| names(manifest, key));
            assert!(named, "seed {seed}: {key} belongs to no run");
        }
    }

    /// All runs together, newest last, tell every row of the account as it is.
    fn check_history(&self) {
        let mut told = BTreeMap::new();
        let mut until = Timestamp::MIN;
        for manifest in self.manifests() {
            for entry in manifest["keys"].as_array().unwrap() {
                let rows = self.world.rows_in(entry["key"].as_str().unwrap());
                told.extend(self.by_id(rows, "an object"));
            }
            until = until.max(manifest["until"].as_str().unwrap().parse().unwrap());
        }
        let stale: Vec<String> = self
            .account()
            .into_iter()
            .filter(|(id, row)| before(row, "modifiedTime", until) && told.get(id) != Some(row))
            .map(|(id, _)| id)
            .collect();
        assert!(
            stale.is_empty(),
            "seed {}: stale or lost: {stale:?}",
            self.seed
        );
    }

    fn manifests(&self) -> Vec<Value> {
        let keys = self.world.visible(Report::Tickets).into_iter();
        let mut manifests: Vec<Value> = keys
            .filter(|key| key.contains("/_runs/"))
            .map(|key| self.world.json(&key).unwrap())
            .collect();
        manifests.sort_by_key(|manifest| moment(&manifest["started_at"]));
        manifests
    }
}

fn names(manifest: &Value, key: &str) -> bool {
    let entries = manifest["keys"].as_array().unwrap();
    entries.iter().any(|entry| entry["key"] == json!(key))
}

fn text(row: &str, field: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap();
    row[field].as_str().unwrap().to_owned()
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

fn before(row: &str, field: &str, until: Timestamp) -> bool {
    text(row, field).parse::<Timestamp>().unwrap() < until
}
