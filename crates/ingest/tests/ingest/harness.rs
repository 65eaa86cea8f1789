use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock, ManualClock};
use engine::Mode;
use ingest::{AsIs, Error, Pull, Pulled, Refine, Span, Stops};
use jiff::{SignedDuration, Timestamp};
use lake::{Format, Lake, Manifest, Pointer, RunId, RunSpec};
use simulators::aws::Aws;
use vendor_http::Deadline;

use crate::script::{Leg, Platform};

pub(crate) const BUCKET: &str = "lake-1";
pub(crate) const REPORT: &str = "things";
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Small, so that a few rows are several parts.
const PART: usize = 512;
/// Time for a leg whose platform falls silent, which passes at once then.
pub(crate) const SHORT: Duration = Duration::from_secs(10);

pub(crate) struct Bench {
    pub(crate) aws: Aws,
    pub(crate) time: Arc<ManualClock>,
    clock: Arc<dyn Clock>,
    pub(crate) lake: Lake,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let aws = Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        aws.set_min_part_bytes(PART);
        let time = Arc::new(ManualClock::at("2026-03-04T05:00:00Z".parse().unwrap()));
        let clock: Arc<dyn Clock> = time.clone();
        let lake = Lake::new(client(&aws), BUCKET, Arc::clone(&clock)).with_part_bytes(PART);
        Self {
            aws,
            time,
            clock,
            lake,
        }
    }

    pub(crate) fn spec(&self, run: &str) -> RunSpec {
        let now = self.time.now();
        RunSpec {
            report: REPORT.to_owned(),
            partitions: Vec::new(),
            run: RunId::parse(run).unwrap(),
            group: None,
            request: "all things".to_owned(),
            started_at: now,
            expires_at: now + LIFETIME,
            format: Format::Jsonl,
        }
    }

    /// A process that has time enough while its platform talks.
    pub(crate) fn pull(&self, spec: RunSpec) -> Pull<'_> {
        let now = self.time.now();
        Pull {
            lake: &self.lake,
            clock: &self.clock,
            span: Span {
                watermark: Some(now),
                ..Span::new(Mode::Full, now)
            },
            stops: stops(SHORT),
            ends_at: now,
            spec,
        }
    }

    /// One leg of run `run`, a second later than the one before.
    pub(crate) async fn leg(
        &self,
        run: &str,
        platform: &mut Platform,
        leg: Leg,
    ) -> Result<Pulled, Error> {
        self.leg_with(run, platform, leg, &mut AsIs).await
    }

    pub(crate) async fn leg_with(
        &self,
        run: &str,
        platform: &mut Platform,
        leg: Leg,
        refine: &mut dyn Refine,
    ) -> Result<Pulled, Error> {
        let mut pull = self.pull(self.spec(run));
        if leg.pieces == usize::MAX {
            pull.stops = stops(Duration::from_mins(1));
        }
        platform.leg = leg;
        let ended = pull.run(platform, refine).await;
        self.time.advance(SignedDuration::from_secs(1));
        ended
    }

    pub(crate) async fn pointer(&self) -> Option<Pointer> {
        self.lake.pointer(REPORT, &[]).await.unwrap()
    }

    pub(crate) fn keys_with(&self, part: &str) -> Vec<String> {
        let mut keys = self.aws.keys(BUCKET);
        keys.retain(|key| key.contains(part));
        keys
    }

    pub(crate) fn rows_of(&self, manifest: &Manifest) -> Vec<String> {
        let objects = manifest.keys.iter();
        let text = objects.map(|entry| {
            let bytes = self.aws.object(BUCKET, &entry.key).unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        });
        text.collect::<String>()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Every visible object belongs to a committed run, and nothing is under way.
    pub(crate) fn assert_settled(&self, case: &str) {
        let mut described: Vec<String> = Vec::new();
        for key in self.keys_with("/_runs/") {
            let bytes = self.aws.object(BUCKET, &key).unwrap();
            let manifest: Manifest = serde_json::from_slice(&bytes).unwrap();
            described.extend(manifest.keys.into_iter().map(|entry| entry.key));
        }
        described.sort();
        assert_eq!(self.keys_with("dt="), described, "{case}: visible objects");
        assert_eq!(self.keys_with("/_open/"), [""; 0], "{case}: open records");
        assert_eq!(self.aws.open_uploads(BUCKET), [""; 0], "{case}: uploads");
    }

    /// Nothing of a run shows.
    pub(crate) fn assert_nothing_visible(&self) {
        assert_eq!(self.keys_with("dt="), [""; 0]);
        assert_eq!(self.keys_with("_latest"), [""; 0]);
    }
}

pub(crate) fn stops(time: Duration) -> Stops {
    let now = Deadline::after(time);
    Stops {
        soon: now.minus(time / 2),
        now,
    }
}

/// A committed run's manifest.
pub(crate) fn complete(pulled: Pulled) -> Manifest {
    match pulled {
        Pulled::Complete { manifest, .. } => manifest,
        other => panic!("not complete: {other:?}"),
    }
}

/// Rows and number of a leg after which the run goes on.
pub(crate) fn partial(pulled: Pulled) -> (u64, u32) {
    match pulled {
        Pulled::Partial { rows, leg, .. } => (rows, leg),
        other => panic!("not partial: {other:?}"),
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn client(aws: &Aws) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(aws.origin())
        .force_path_style(true)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(1)),
        )
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
