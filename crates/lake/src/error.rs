use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;

use crate::keys::RunId;

/// What can go wrong between a run and its bucket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bucket does not exist, or not in this account and region.
    #[error(
        "bucket {bucket} does not exist: deploy the stack that creates it, or correct the BUCKET parameter"
    )]
    BucketMissing {
        /// The bucket's name.
        bucket: String,
    },
    /// S3 refused the call for lack of permission.
    #[error(
        "s3:{action} on s3://{bucket}/{key} was denied: allow s3:{action} for that prefix in the function's role, and check the bucket policy{} ({detail})",
        denial_hint(.action, .detail)
    )]
    Denied {
        /// The IAM action without its service prefix, such as `PutObject`.
        action: &'static str,
        /// The object key, or the prefix for a listing.
        key: String,
        /// The bucket's name.
        bucket: String,
        /// What S3 said.
        detail: String,
    },
    /// Somebody else keeps writing the same object.
    #[error(
        "another writer holds s3://{bucket}/{key}: run again; if it persists, look for a second deployment that writes to this bucket"
    )]
    Conflict {
        /// The contested key.
        key: String,
        /// The bucket's name.
        bucket: String,
    },
    /// The run outlived the moment from which others may clear it away.
    #[error(
        "run {run} was still going at {expires_at}, when others may clear it away: nothing was committed; raise the function's timeout or narrow the report"
    )]
    Expired {
        /// The run.
        run: RunId,
        /// Its `expires_at`.
        expires_at: Timestamp,
    },
    /// What an earlier leg stored is gone, so the run was deleted and starts over.
    #[error(
        "what run {run} stored in an earlier invocation is gone (uploads live until the bucket's lifecycle rule aborts them): run again, it starts over"
    )]
    CheckpointLost {
        /// The run, or the part of a merge.
        run: RunId,
    },
    /// A part of a merge is not there to be gathered.
    #[error("part {part} cannot be merged: {why}")]
    NotParked {
        /// The first such part.
        part: RunId,
        /// What is the matter with it, and what to do.
        why: &'static str,
    },
    /// The caller ended a run in a way its kind does not have.
    #[error("run {run} cannot end so: {why}")]
    WrongEnd {
        /// The run.
        run: RunId,
        /// What to do instead.
        why: &'static str,
    },
    /// S3 did not answer, or not usefully, to the end of the client's retries.
    #[error("S3 did not complete {action} on {key}: run again later ({detail})")]
    Unavailable {
        /// The action without its service prefix.
        action: &'static str,
        /// The object key, or the prefix for a listing.
        key: String,
        /// The HTTP status, if an answer came.
        status: Option<u16>,
        /// The whole chain of causes on one line.
        detail: String,
        /// What the client reported.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// S3 refused the call for a reason that trying again does not cure.
    #[error("S3 refused {action} on s3://{bucket}/{key} with {code}: {detail}")]
    Refused {
        /// The action without its service prefix.
        action: &'static str,
        /// The object key, or the prefix for a listing.
        key: String,
        /// The bucket's name.
        bucket: String,
        /// S3's error code.
        code: String,
        /// What S3 said.
        detail: String,
    },
    /// An object that this crate wrote no longer reads as such.
    #[error(
        "{key} is not what a run wrote ({why}): restore its previous version, or delete it to start over"
    )]
    Corrupt {
        /// The object's key.
        key: String,
        /// Why it could not be read.
        why: String,
    },
    /// A manifest names an object that is not there.
    #[error(
        "{key} is gone, although {manifest} names it: restore it, or delete the manifest to leave the run out, and read everything again"
    )]
    Missing {
        /// The data object.
        key: String,
        /// The manifest that names it.
        manifest: String,
    },
    /// An object is not what its manifest says.
    #[error(
        "{key} has {what} {found}, its manifest says {expected}: somebody changed it; restore it, or delete its manifest to leave the run out"
    )]
    Mismatch {
        /// The data object.
        key: String,
        /// What differs: `rows`, `bytes` or `sha256`.
        what: &'static str,
        /// As the manifest has it.
        expected: String,
        /// As the object has it.
        found: String,
    },
    /// An object does not hold rows in its format.
    #[error(
        "{key} is not readable after row {row}: {why}; restore it, or delete its manifest to leave the run out"
    )]
    Malformed {
        /// The data object.
        key: String,
        /// Rows read before.
        row: u64,
        /// What is wrong; never its content.
        why: String,
    },
    /// A row is not one JSON value (or not an object, where a parent's id has to go in).
    #[error("row {number} cannot be written: {why}")]
    InvalidRow {
        /// Position in the run, from 1.
        number: u64,
        /// What is wrong with it; never its content.
        why: String,
    },
    /// A report, partition or run id that cannot stand in an object key.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// A write of this run failed earlier; only [`crate::Run::abandon`] is left.
    #[error("run {run} cannot go on after a failed write: abandon it and run again")]
    Broken {
        /// The run.
        run: RunId,
    },
    /// The compressor failed.
    #[error("the rows could not be compressed: {0}")]
    Compression(#[source] std::io::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Entropy(getrandom::Error),
}

/// A name that cannot stand in an object key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not valid: {rule}")]
pub struct InvalidName {
    pub(crate) what: &'static str,
    pub(crate) value: String,
    pub(crate) rule: &'static str,
}

impl Error {
    /// Whether the same run may succeed when started again without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::Conflict { .. }
                | Self::Broken { .. }
                | Self::CheckpointLost { .. }
                | Self::Entropy(_)
        )
    }

    /// Whether the call may have taken effect although it failed.
    pub(crate) fn may_have_happened(&self) -> bool {
        match self {
            Self::Unavailable { status, .. } => !matches!(status, Some(429 | 503)),
            _ => false,
        }
    }
}

fn denial_hint(action: &str, detail: &str) -> &'static str {
    if detail.to_ascii_lowercase().contains("kms") {
        "; the bucket's KMS key must allow kms:GenerateDataKey and kms:Decrypt"
    } else if action == "GetObject" {
        "; S3 also answers so for an object that is not there when the role lacks s3:ListBucket"
    } else {
        ""
    }
}

/// The IAM permission, without its service prefix, that an API action needs.
fn permission(action: &'static str) -> &'static str {
    match action {
        "HeadObject" => "GetObject",
        "ListObjectsV2" => "ListBucket",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
        other => other,
    }
}

/// How S3 turned a call down: the answers that are part of the protocol, and the rest.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No such key or upload.
    Missing,
    /// The condition of a conditional call did not hold.
    Condition,
    /// A conditional call ran into another one that is under way.
    Contended,
    /// Anything else.
    Failed(Error),
}

/// Where a call was going, for the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) action: &'static str,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

impl Call<'_> {
    /// How a removal ended; what was not there counts as removed.
    pub(crate) fn removed<T>(self, answer: Result<T, Refusal>) -> Result<(), Error> {
        match answer {
            Ok(_) | Err(Refusal::Missing) => Ok(()),
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Condition | Refusal::Contended) => Err(self.conflict()),
        }
    }

    pub(crate) fn refusal<E>(self, error: SdkError<E, HttpResponse>) -> Refusal
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let code = error.code().unwrap_or_default().to_owned();
        match (status, code.as_str()) {
            (_, "NoSuchBucket") => Refusal::Failed(Error::BucketMissing {
                bucket: self.bucket.to_owned(),
            }),
            (Some(404), _) => Refusal::Missing,
            (Some(412), _) => Refusal::Condition,
            (Some(409), "ConditionalRequestConflict" | "OperationAborted") => Refusal::Contended,
            (Some(403), _) => Refusal::Failed(Error::Denied {
                action: permission(self.action),
                key: self.key.to_owned(),
                bucket: self.bucket.to_owned(),
                detail: described(&code, error.message()),
            }),
            (Some(400..=499), refused) if !is_passing(refused) => Refusal::Failed(Error::Refused {
                action: self.action,
                key: self.key.to_owned(),
                bucket: self.bucket.to_owned(),
                code: if refused.is_empty() {
                    "an error".to_owned()
                } else {
                    code.clone()
                },
                detail: described(&code, error.message()),
            }),
            _ => Refusal::Failed(Error::Unavailable {
                action: self.action,
                key: self.key.to_owned(),
                status,
                detail: causes(&error),
                source: Box::new(error),
            }),
        }
    }

    pub(crate) fn conflict(self) -> Error {
        Error::Conflict {
            key: self.key.to_owned(),
            bucket: self.bucket.to_owned(),
        }
    }

    /// For calls that carry no condition and whose target must exist.
    pub(crate) fn failure<E>(self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match self.refusal(error) {
            Refusal::Failed(error) => error,
            Refusal::Missing | Refusal::Condition | Refusal::Contended => self.conflict(),
        }
    }
}

/// What went wrong with a call of S3, on one line, by its causes. The debug output of an error of the SDK, and
/// `DisplayErrorContext`, hold the answer's body, which may be anything.
pub fn causes(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

/// Client errors that S3 documents as passing by themselves.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "RequestTimeout" | "BadDigest" | "IncompleteBody" | "TooManyRequests"
    )
}

fn described(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{code}: {message}"),
        _ if code.is_empty() => "no reason given".to_owned(),
        _ => code.to_owned(),
    }
}
