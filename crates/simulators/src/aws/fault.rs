use axum::response::Response;

use super::{Asked, dynamodb, s3, secrets};

/// Makes requests fail on purpose.
#[derive(Debug, Clone)]
pub struct Fault {
    action: String,
    prefix: String,
    kind: Kind,
    left: Option<u32>,
    probability: f64,
}

/// Whether the request at which a client is killed takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hang {
    /// It never arrived.
    BeforeEffect,
    /// It took effect, but no answer came.
    AfterEffect,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Refuse(Failure),
    LoseAnswer,
}

/// An answer that says no.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    status: u16,
    code: &'static str,
    message: &'static str,
}

#[derive(Debug)]
pub(super) enum Verdict {
    Serve,
    Fail(Failure),
    ServeThenFail(Failure),
    Hang,
    ServeThenHang,
}

const INTERNAL: Failure = Failure {
    status: 500,
    code: "InternalError",
    message: "We encountered an internal error. Please try again.",
};

impl Fault {
    /// 403 for `action`: an API action, the IAM permission it needs, or `*`.
    pub fn deny(action: &str) -> Self {
        Self::refuse(
            action,
            Failure {
                status: 403,
                code: "AccessDenied",
                message: "User is not authorized to perform this action",
            },
        )
    }

    /// 503 `SlowDown`; from Secrets Manager and `DynamoDB` a `ThrottlingException`.
    pub fn slow_down(action: &str) -> Self {
        Self::refuse(
            action,
            Failure {
                status: 503,
                code: "SlowDown",
                message: "Please reduce your request rate.",
            },
        )
    }

    /// 409 `ConditionalRequestConflict`, S3's answer to conditional writes that overlap; from
    /// `DynamoDB` the answers to a transaction that overlaps.
    pub fn conflict(action: &str) -> Self {
        Self::refuse(
            action,
            Failure {
                status: 409,
                code: "ConditionalRequestConflict",
                message: "A conflicting operation is in progress on this resource. Please try again.",
            },
        )
    }

    /// `CompleteMultipartUpload` answers 200 with an error in its body.
    pub fn failing_complete() -> Self {
        Self::refuse(
            "CompleteMultipartUpload",
            Failure {
                status: 200,
                ..INTERNAL
            },
        )
    }

    /// 500 without any effect; from Secrets Manager an `InternalServiceError`, from `DynamoDB` an
    /// `InternalServerError`.
    pub fn internal_error(action: &str) -> Self {
        Self::refuse(action, INTERNAL)
    }

    /// The `ThrottlingException` of Secrets Manager and `DynamoDB`.
    pub fn throttle(action: &str) -> Self {
        Self::refuse(
            action,
            Failure {
                status: 400,
                code: "ThrottlingException",
                message: "Rate exceeded",
            },
        )
    }

    /// The request takes effect; its answer is a 500, so that the caller cannot know.
    pub fn lose_answer(action: &str) -> Self {
        Self::new(action, Kind::LoseAnswer)
    }

    fn refuse(action: &str, failure: Failure) -> Self {
        Self::new(action, Kind::Refuse(failure))
    }

    fn new(action: &str, kind: Kind) -> Self {
        Self {
            action: action.to_owned(),
            prefix: String::new(),
            kind,
            left: None,
            probability: 1.0,
        }
    }

    /// Only for keys, listing prefixes, secret names or partition keys that start with `prefix`.
    /// A transaction goes by its first item.
    #[must_use]
    pub fn on(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Hits a request with this probability, 0 to 1.
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    fn fits(&self, asked: &Asked) -> bool {
        let action = self.action == "*"
            || self.action == asked.action
            || self.action == permission(asked.action);
        action && asked.target.starts_with(&self.prefix) && self.left != Some(0)
    }
}

/// The IAM permission that an API action needs, without its service prefix.
fn permission(action: &str) -> &str {
    match action {
        "HeadObject" => "GetObject",
        "ListObjectsV2" | "HeadBucket" => "ListBucket",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
        "TransactWriteItems" => "PutItem",
        other => other,
    }
}

impl Failure {
    pub(super) fn as_xml(self, resource: &str) -> Response {
        s3::error(self.status, self.code, self.message, resource)
    }

    pub(super) fn as_json(self) -> Response {
        let (status, code) = match self.code {
            "AccessDenied" => (400, "AccessDeniedException"),
            "SlowDown" => (400, "ThrottlingException"),
            "InternalError" => (500, "InternalServiceError"),
            other => (self.status, other),
        };
        secrets::error(status, code, self.message)
    }
}

impl Failure {
    /// `transaction` is the number of its items, if it is one.
    pub(super) fn as_dynamodb(self, transaction: Option<usize>) -> Response {
        let (status, code) = match (self.code, transaction) {
            ("ConditionalRequestConflict", Some(items)) => {
                return dynamodb::cancelled_by_conflict(items);
            }
            ("ConditionalRequestConflict", None) => (400, "TransactionConflictException"),
            ("AccessDenied", _) => (400, "AccessDeniedException"),
            ("SlowDown", _) => (400, "ThrottlingException"),
            ("InternalError", _) => (500, "InternalServerError"),
            (other, _) => (self.status, other),
        };
        dynamodb::error(status, code, self.message)
    }
}

#[derive(Debug)]
pub(super) struct Faults {
    rules: Vec<Fault>,
    hang: Option<(u64, Hang)>,
    mutations: u64,
    rng: fastrand::Rng,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            hang: None,
            mutations: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(super) fn hang_from(&mut self, nth: u64, how: Hang) {
        self.hang = Some((self.mutations + nth, how));
    }

    pub(super) fn heal(&mut self) {
        self.rules.clear();
        self.hang = None;
    }

    pub(super) fn mutations(&self) -> u64 {
        self.mutations
    }

    pub(super) fn judge(&mut self, asked: &Asked) -> Verdict {
        if asked.mutates {
            self.mutations += 1;
            match self.hang {
                Some((from, Hang::AfterEffect)) if self.mutations == from => {
                    return Verdict::ServeThenHang;
                }
                Some((from, _)) if self.mutations >= from => return Verdict::Hang,
                _ => {}
            }
        }
        let rng = &mut self.rng;
        let hit = self
            .rules
            .iter_mut()
            .find(|rule| rule.fits(asked) && rng.f64() < rule.probability);
        let Some(rule) = hit else {
            return Verdict::Serve;
        };
        rule.left = rule.left.map(|left| left - 1);
        match rule.kind {
            Kind::Refuse(failure) => Verdict::Fail(failure),
            Kind::LoseAnswer => Verdict::ServeThenFail(INTERNAL),
        }
    }
}
