//! S3 (path-style), Secrets Manager and `DynamoDB` on one origin, in memory, without signature
//! checks; of SQS and Scheduler, what it takes to send a message and to keep a schedule.
//!
//! Faithful where clients trip: conditional writes, `aws-chunked` bodies with checksums, the
//! rules of multipart uploads, staging labels as compare-and-swap, conditions and transactions.
//! [`Fault`]s make it fail on purpose; [`Aws::hang_from`] plays a process that is killed in the
//! middle.

mod chunked;
mod dynamodb;
mod fault;
mod queues;
mod s3;
mod schedules;
mod secrets;
mod xml;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use fault::{Fault, Hang};
pub use secrets::SecretVersion;

use fault::{Failure, Faults, Verdict};

/// The running stand-in; stops when dropped.
#[derive(Debug)]
pub struct Aws {
    origin: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    stopped: watch::Receiver<bool>,
    hung: watch::Sender<u64>,
}

#[derive(Debug)]
struct World {
    s3: s3::S3,
    secrets: secrets::Secrets,
    queues: queues::Queues,
    schedules: schedules::Schedules,
    dynamodb: dynamodb::DynamoDb,
    faults: Faults,
    calls: BTreeMap<String, u64>,
}

/// What a request asks for, as far as faults and counters care.
#[derive(Debug)]
struct Asked {
    /// The API action, such as `UploadPart`.
    action: &'static str,
    /// Object key, listing prefix, secret id, or partition key of the (first) item.
    target: String,
    mutates: bool,
}

enum Reply {
    Now(Response),
    Never,
}

impl Aws {
    /// Starts with no buckets, secrets and tables on a free loopback port.
    pub async fn start() -> io::Result<Self> {
        Self::start_seeded(0).await
    }

    /// As [`Aws::start`]; `seed` decides which requests a fault with a probability hits.
    pub async fn start_seeded(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            world: Mutex::new(World {
                s3: s3::S3::default(),
                secrets: secrets::Secrets::new(seed),
                queues: queues::Queues::default(),
                schedules: schedules::Schedules::default(),
                dynamodb: dynamodb::DynamoDb::default(),
                faults: Faults::new(seed),
                calls: BTreeMap::new(),
            }),
            stopped: stopped.clone(),
            hung: watch::Sender::new(0),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move {
            // Ends with the stand-in; there is nobody left to tell of an error.
            let _ = axum::serve(listener, app)
                .with_graceful_shutdown(until_stopped(stopped))
                .await;
        });
        Ok(Self {
            origin,
            shared,
            stop,
        })
    }

    /// Scheme, host and port, for `AWS_ENDPOINT_URL`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Creates an empty bucket, or keeps the one there is.
    pub fn create_bucket(&self, bucket: &str) {
        self.world().s3.create_bucket(bucket);
    }

    /// Puts an object, creating the bucket if need be.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        self.world().s3.put(bucket, key, bytes.into());
    }

    /// All keys of a bucket in order; none if there is no such bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.world().s3.keys(bucket)
    }

    /// The bytes of an object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.world().s3.object(bucket, key)
    }

    /// The `content-type` of an object.
    pub fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        self.world().s3.content_type(bucket, key)
    }

    /// The keys of multipart uploads that were neither completed nor aborted.
    pub fn open_uploads(&self, bucket: &str) -> Vec<String> {
        self.world().s3.open_uploads(bucket)
    }

    /// Sets the least size of a part that is not the last; 5 MiB unless set.
    pub fn set_min_part_bytes(&self, bytes: usize) {
        self.world().s3.set_min_part_bytes(bytes);
    }

    /// Creates the secret, or puts `value` as its current version as a person would.
    pub fn put_secret(&self, name: &str, value: &str) {
        self.world().secrets.set_current(name, value.to_owned());
    }

    /// The value labelled `AWSCURRENT`.
    pub fn secret(&self, name: &str) -> Option<String> {
        self.world().secrets.current(name)
    }

    /// All versions of a secret, oldest first.
    pub fn secret_versions(&self, name: &str) -> Vec<SecretVersion> {
        self.world().secrets.versions(name)
    }

    /// Changes the current value just before the next call of `action` (such as
    /// `PutSecretValue`) on that secret takes effect: a person who saves between a client's
    /// read and its write.
    pub fn edit_secret_before(
        &self,
        action: &'static str,
        name: &str,
        edit: impl FnOnce(&str) -> String + Send + 'static,
    ) {
        self.world()
            .secrets
            .edit_before(action, name, Box::new(edit));
    }

    /// Creates a `DynamoDB` table with the keys `pk` and `sk` and the index `listing` on `lpk` and
    /// `lsk`, or keeps the one there is.
    pub fn create_table(&self, table: &str) {
        self.world().dynamodb.create_table(table);
    }

    /// All items of a table in `DynamoDB` JSON, by key; none if there is no such table.
    pub fn items(&self, table: &str) -> Vec<serde_json::Value> {
        self.world().dynamodb.items(table)
    }

    /// Puts an item in `DynamoDB` JSON as a person would; false if it has no key or there is no
    /// such table.
    #[must_use]
    pub fn put_item(&self, table: &str, item: serde_json::Value) -> bool {
        self.world().dynamodb.put(table, item)
    }

    /// Removes the items whose `expires_at` has passed. Until then they stay and are found, as
    /// `DynamoDB` takes days to remove them.
    pub fn remove_expired(&self, table: &str, now: jiff::Timestamp) {
        let now = now.as_second();
        self.world().dynamodb.remove_expired(table, now);
    }

    /// What was sent to a queue.
    pub fn messages(&self, queue_url: &str) -> Vec<String> {
        self.world().queues.sent(queue_url)
    }

    /// The schedules by name, each as it was last put.
    pub fn schedules(&self) -> BTreeMap<String, serde_json::Value> {
        self.world().schedules.all()
    }

    /// How often `action` (such as `GetSecretValue` or `PutObject`) was called, refused and
    /// hung calls included.
    pub fn calls(&self, action: &str) -> u64 {
        self.world().calls.get(action).copied().unwrap_or_default()
    }

    /// How many requests that change something have arrived.
    pub fn mutations(&self) -> u64 {
        self.world().faults.mutations()
    }

    /// Adds a fault; the first that fits a request decides.
    pub fn inject(&self, fault: Fault) {
        self.world().faults.add(fault);
    }

    /// From the `nth` mutating request from now (1 = the next) on, never answers a mutating
    /// request again; `how` says whether the first of them takes effect.
    pub fn hang_from(&self, nth: u64, how: Hang) {
        self.world().faults.hang_from(nth, how);
    }

    /// Waits until a request hangs.
    pub async fn hung(&self) {
        // The sender lives as long as self.
        let _ = self.shared.hung.subscribe().wait_for(|n| *n > 0).await;
    }

    /// Ends all faults and hangs; requests that hang stay hung.
    pub fn heal(&self) {
        self.world().faults.heal();
        self.shared.hung.send_replace(0);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return s3::error(400, "IncompleteBody", "The request body ended early.", "/");
    };
    let reply = shared.world().reply(&parts, body);
    match reply {
        Reply::Now(response) => response,
        Reply::Never => {
            shared.hung.send_modify(|n| *n += 1);
            until_stopped(shared.stopped.clone()).await;
            Response::new(Body::empty())
        }
    }
}

impl World {
    fn reply(&mut self, parts: &Parts, body: Bytes) -> Reply {
        if let Some(call) = dynamodb::Call::read(parts, &body) {
            let size = call.transaction_size();
            return self.settled(
                &call.asked(),
                |world| world.dynamodb.serve(&call),
                |failure| failure.as_dynamodb(size),
            );
        }
        if let Some(call) = queues::Call::read(parts, &body) {
            return self.settled(
                &call.asked(),
                |world| world.queues.serve(&call),
                Failure::as_json,
            );
        }
        if let Some(call) = schedules::Call::read(parts, &body) {
            return self.settled(
                &call.asked(),
                |world| world.schedules.serve(&call),
                Failure::as_json,
            );
        }
        if let Some(call) = secrets::Call::read(parts, &body) {
            return self.settled(
                &call.asked(),
                |world| world.secrets.serve(&call),
                Failure::as_json,
            );
        }
        let call = match s3::Call::read(parts, body) {
            Ok(call) => call,
            Err(refusal) => return Reply::Now(*refusal),
        };
        let asked = call.asked();
        self.settled(
            &asked,
            |world| world.s3.serve(&call),
            |failure| failure.as_xml(&asked.target),
        )
    }

    /// The service's answer, or what a fault makes of it.
    fn settled(
        &mut self,
        asked: &Asked,
        serve: impl FnOnce(&mut Self) -> Response,
        fail: impl FnOnce(Failure) -> Response,
    ) -> Reply {
        match self.judge(asked) {
            Verdict::Serve => Reply::Now(serve(self)),
            Verdict::Fail(failure) => Reply::Now(fail(failure)),
            Verdict::ServeThenFail(failure) => {
                serve(self);
                Reply::Now(fail(failure))
            }
            Verdict::Hang => Reply::Never,
            Verdict::ServeThenHang => {
                serve(self);
                Reply::Never
            }
        }
    }

    fn judge(&mut self, asked: &Asked) -> Verdict {
        *self.calls.entry(asked.action.to_owned()).or_default() += 1;
        self.faults.judge(asked)
    }
}

#[cfg(test)]
mod tests;
