use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};
use vendor_http::{Budget, Credits};

/// How long word that the credits are spent keeps others from asking; somebody may buy more.
const BELIEVED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What the functions of an installation tell each other of a portal's credits, which all of them
/// and others spend. It is a hint: without it each function finds out for itself, by asking.
#[derive(Debug)]
pub(crate) struct SharedCredits {
    s3: Client,
    bucket: String,
    key: String,
}

impl SharedCredits {
    pub(crate) fn new(s3: Client, bucket: &str, org: &str) -> Self {
        Self {
            s3,
            bucket: bucket.to_owned(),
            key: format!("_locks/zoho-desk-credits-{org}.json"),
        }
    }

    /// Lets `budget` start from what another function heard last.
    pub(crate) async fn tell(&self, budget: &Budget, now: Timestamp) {
        let found = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .send()
            .await;
        let body = match found {
            Ok(found) => found.body.collect().await.ok(),
            // The run itself will meet whatever is wrong with the bucket and name it.
            Err(error) => {
                debug!(error = %error, "nobody left word of the credits");
                None
            }
        };
        let seen = body.and_then(|body| serde_json::from_slice::<Credits>(&body.into_bytes()).ok());
        let Some(mut seen) = seen else {
            return;
        };
        if now.duration_since(seen.seen_at) > BELIEVED_FOR {
            seen.exhausted_until = None;
        }
        budget.adopt(&seen, None, now);
    }

    /// Leaves what `budget` heard for the others.
    pub(crate) async fn leave(&self, budget: &Budget, now: Timestamp) {
        let Some(credits) = budget.snapshot(now) else {
            return;
        };
        let Ok(json) = serde_json::to_vec(&credits) else {
            return;
        };
        let left = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .content_type("application/json")
            .body(ByteStream::from(json))
            .send()
            .await;
        if let Err(error) = left {
            warn!(error = %error, "could not leave word of the credits");
        }
    }
}
