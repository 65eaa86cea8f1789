use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock as _, ManualClock};
use hub::{
    DataObject, DataQuery, Error, Hub, HubParts, Integration, IntegrationId, Job, NewIntegration,
    Owner, Patch, Platforms, Run, Shift, SyncRequest, Worked, Worker, WorkerParts,
};
use ingest::Stops;
use jiff::SignedDuration;
use lake::Lake;
use records::Records;
use serde_json::{Value, json};
use simulators::aws::Aws;
use state::{SystemEntropy, Table, TenantId};
use vendor_http::Deadline;

use crate::ports::Ports;
use crate::shop::{SHOP, Shop};

pub(crate) const TABLE: &str = "deskbridge-state";
pub(crate) const BUCKET: &str = "lake";
pub(crate) const DECOY: &str = "decoy-7f3a91";
pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub(crate) const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ports: Ports,
    pub(crate) shop: Shop,
    pub(crate) hub: Hub,
    pub(crate) worker: Arc<Worker>,
}

pub(crate) fn acme() -> &'static TenantId {
    static ACME: LazyLock<TenantId> = LazyLock::new(|| TenantId::parse("acme").unwrap());
    &ACME
}

pub(crate) fn body(json: Value) -> NewIntegration {
    serde_json::from_value(json).unwrap()
}

pub(crate) fn patch(json: Value) -> Patch {
    serde_json::from_value(json).unwrap()
}

/// The body of the requirement: secrets in `config`.
pub(crate) fn shop_body() -> Value {
    json!({
        "name": "My shop",
        "type": "shop",
        "config": {"baseUrl": "https://shop.example", "apiKey": DECOY},
    })
}

impl World {
    pub(crate) async fn start() -> Self {
        let aws = Aws::start().await.unwrap();
        aws.create_table(TABLE);
        aws.create_bucket(BUCKET);
        let clock = Arc::new(ManualClock::at("2026-03-04T05:00:00Z".parse().unwrap()));
        let (ports, shop) = (Ports::default(), Shop::default());
        let s3 = s3(&aws);
        let hub = Hub::new(HubParts {
            table: Table::new(dynamodb(&aws), TABLE, clock.clone()),
            vault: Arc::new(ports.clone()),
            schedules: Arc::new(ports.clone()),
            queue: Arc::new(ports.clone()),
            records: Records::new(s3.clone(), BUCKET, clock.clone()),
            platforms: Platforms::new([&SHOP], []),
            entropy: Arc::new(SystemEntropy),
            clock: clock.clone(),
        });
        let worker = Worker::new(WorkerParts {
            hub: hub.clone(),
            lake: Lake::new(s3, BUCKET, clock.clone()),
            connector: Arc::new(shop.clone()),
            alerts: Arc::new(ports.clone()),
        });
        Self {
            aws,
            clock,
            ports,
            shop,
            hub,
            worker: Arc::new(worker),
        }
    }

    /// With orders (found by their cursor) and customers (read whole each time).
    pub(crate) async fn stocked() -> (Self, IntegrationId) {
        let world = Self::start().await;
        world.shop.fill("orders", true, orders(3));
        let customers = vec![
            json!({"id": "c1", "name": "Ann"}),
            json!({"id": "c2", "name": "Bo"}),
        ];
        world.shop.fill("customers", false, customers);
        let made = world.hub.create(acme(), body(shop_body()), None).await;
        let id = made.unwrap().id;
        world.drain().await;
        (world, id)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        s3(&self.aws)
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    pub(crate) fn owner(&self, id: IntegrationId) -> Owner {
        Owner::new(acme().clone(), id)
    }

    pub(crate) fn shift(&self) -> Shift {
        Shift {
            stops: Stops {
                soon: Deadline::after(Duration::from_secs(50)),
                now: Deadline::after(Duration::from_mins(1)),
            },
            ends_at: self.clock.now() + SignedDuration::from_secs(70),
        }
    }

    pub(crate) async fn work(&self, job: &Job) -> Result<Worked, Error> {
        self.worker.work(job, self.shift()).await
    }

    /// Does all jobs, delayed ones too, until there are none; tells how many that were.
    pub(crate) async fn drain(&self) -> u32 {
        let mut done = 0;
        loop {
            let next = self.ports.kept().jobs.pop_front();
            let Some((job, _)) = next else { return done };
            done += 1;
            assert!(done < 100, "the jobs never end: {job:?}");
            match self.work(&job).await.unwrap() {
                Worked::Done => {}
                Worked::Continue(next) => self.ports.kept().jobs.push_back((next, Duration::ZERO)),
                Worked::Again(delay) => {
                    self.pass(SignedDuration::try_from(delay).unwrap());
                    self.ports.kept().jobs.push_back((job, delay));
                }
            }
        }
    }

    /// A sync from start to end.
    pub(crate) async fn sync(&self, id: IntegrationId) -> Run {
        self.sync_as(id, SyncRequest::default()).await
    }

    pub(crate) async fn sync_as(&self, id: IntegrationId, request: SyncRequest) -> Run {
        self.pass(MINUTE);
        let run = self.hub.start_sync(acme(), id, request, None).await;
        let run = run.unwrap();
        self.drain().await;
        self.hub.run(acme(), id, &run.id).await.unwrap()
    }

    pub(crate) async fn get(&self, id: IntegrationId) -> Integration {
        self.hub.get(acme(), id).await.unwrap()
    }

    pub(crate) async fn data(&self, id: IntegrationId, query: DataQuery) -> Vec<DataObject> {
        let mut query = DataQuery {
            limit: 100,
            ..query
        };
        let mut all = Vec::new();
        loop {
            let page = self.hub.data(acme(), id, &query).await.unwrap();
            all.extend(page.items);
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return all,
            }
        }
    }

    /// Type and id of the live records.
    pub(crate) async fn live(&self, id: IntegrationId) -> Vec<String> {
        let data = self.data(id, DataQuery::default()).await.into_iter();
        let mut keys: Vec<_> = data
            .map(|object| format!("{}/{}", object.data_type, object.external_id))
            .collect();
        // Within a stream they come in an order of their own.
        keys.sort_unstable();
        keys
    }

    /// Everything in the table, as text.
    pub(crate) fn table(&self) -> String {
        serde_json::to_string(&self.aws.items(TABLE)).unwrap()
    }

    /// Nothing of an integration is left but its data.
    pub(crate) fn assert_no_orphans(&self, what: &str) {
        let kept = self.ports.kept();
        assert_eq!(kept.secrets.len(), 0, "{what}: secrets");
        assert_eq!(kept.schedules.len(), 0, "{what}: schedules");
        drop(kept);
        let table = self.table();
        for item in ["\"INTEGRATION#", "RUN#", "STREAM#", "HEALTH#"] {
            assert!(!table.contains(item), "{what}: {item} in {table}");
        }
    }
}

pub(crate) fn orders(count: u64) -> Vec<Value> {
    (1..=count)
        .map(|n| json!({"id": n, "updated": n, "total": n * 10}))
        .collect()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1))
}

fn dynamodb(aws: &Aws) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(aws.origin())
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(retries())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

fn s3(aws: &Aws) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(aws.origin())
        .force_path_style(true)
        .retry_config(retries())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
