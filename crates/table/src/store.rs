use std::error::Error as StdError;
use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use tokio::time::timeout;

use crate::error::Error;

/// The S3 calls of this crate on one bucket.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    objects: lake::Store,
    client: Client,
    bucket: String,
}

/// A stored table: a copy without a name, and which version of the object it is of.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) file: File,
    pub(crate) etag: String,
    pub(crate) bytes: u64,
}

/// What must hold for a table to be replaced.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// There is none yet.
    Absent,
    /// It still has this `ETag`.
    Same(String),
}

/// Metadata that tells whose write an object is, should the answer to the write get lost.
const ATTEMPT: &str = "attempt";

impl Store {
    pub(crate) fn new(client: Client, bucket: String) -> Self {
        Self {
            objects: lake::Store::new(client.clone(), bucket.clone()),
            client,
            bucket,
        }
    }

    /// Copies the object at `key` to a local file that vanishes with its handle.
    pub(crate) async fn copy(&self, key: &str) -> Result<Option<Copy>, Error> {
        let Some(mut body) = self.objects.open(key).await? else {
            return Ok(None);
        };
        let mut file = tempfile::tempfile().map_err(Error::Scratch)?;
        let mut bytes = 0;
        while let Some(chunk) = body.next().await? {
            file.write_all(&chunk).map_err(Error::Scratch)?;
            bytes += chunk.len() as u64;
        }
        Ok(Some(Copy {
            file,
            etag: body.etag().to_owned(),
            bytes,
        }))
    }

    async fn attempt_of(&self, key: &str) -> Result<Option<String>, Error> {
        let answer = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match answer {
            Ok(head) => Ok(head.metadata.and_then(|mut fields| fields.remove(ATTEMPT))),
            Err(error) => match self.refusal("HeadObject", key, error) {
                Refusal::Unmet => Ok(None),
                Refusal::Failed(error) => Err(error),
            },
        }
    }

    fn refusal<E>(
        &self,
        action: &'static str,
        key: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Refusal
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let code = error.code().unwrap_or("no code").to_owned();
        let detail = format!("{code}: {}", error.message().unwrap_or("no reason given"));
        let (bucket, key) = (self.bucket.clone(), key.to_owned());
        let failed = match (status, code.as_str()) {
            (_, "NoSuchBucket") => lake::Error::BucketMissing { bucket },
            (Some(404 | 412), _)
            | (Some(409), "ConditionalRequestConflict" | "OperationAborted") => {
                return Refusal::Unmet;
            }
            (Some(403), _) => lake::Error::Denied {
                action: permission(action),
                key,
                bucket,
                detail,
            },
            (Some(400..=499), code) if !is_passing(code) => lake::Error::Refused {
                action,
                key,
                bucket,
                code: code.to_owned(),
                detail,
            },
            _ => return Refusal::Failed(unavailable(action, &key, status, error)),
        };
        Refusal::Failed(failed.into())
    }
}

/// How S3 turned a call down.
enum Refusal {
    /// What it is about is not there, or not as the call's condition wants it.
    Unmet,
    Failed(Error),
}

fn unavailable<E>(action: &'static str, key: &str, status: Option<u16>, error: E) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    Error::Lake(lake::Error::Unavailable {
        action,
        key: key.to_owned(),
        status,
        detail: lake::causes(&error),
        source: Box::new(error),
    })
}

/// The IAM permission, without its service prefix, that an API action needs.
fn permission(action: &'static str) -> &'static str {
    match action {
        "HeadObject" => "GetObject",
        "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
        other => other,
    }
}

/// Client errors that S3 documents as passing by themselves.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "RequestTimeout" | "BadDigest" | "IncompleteBody" | "TooManyRequests"
    )
}

/// The next version of an object: nobody sees it before [`Publication::finish`], and then whole.
#[derive(Debug)]
pub(crate) struct Publication {
    store: Store,
    key: String,
    condition: Condition,
    attempt: String,
    part_bytes: usize,
    buffer: Vec<u8>,
    bytes: u64,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    id: String,
    parts: Vec<CompletedPart>,
}

/// How long clearing up may take: it comes after everything else, often when time has run out.
const ABORT_WITHIN: Duration = Duration::from_secs(3);

const CONTENT_TYPE: &str = "application/vnd.apache.parquet";

impl Publication {
    /// Parts of `part_bytes`, of which AWS wants at least 5 MiB.
    pub(crate) fn new(
        store: Store,
        key: String,
        condition: Condition,
        part_bytes: usize,
    ) -> Result<Self, Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(Error::Entropy)?;
        Ok(Self {
            store,
            key,
            condition,
            attempt: hex::encode(nonce),
            part_bytes,
            buffer: Vec::new(),
            bytes: 0,
            upload: None,
        })
    }

    /// Adds `bytes` and sends what makes a part.
    pub(crate) async fn push(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.buffer.is_empty() {
            self.buffer = bytes;
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
        if self.buffer.len() >= self.part_bytes {
            self.send_part().await?;
        }
        Ok(())
    }

    /// Makes the object what readers see, if its condition holds; how many bytes it has.
    pub(crate) async fn finish(&mut self) -> Result<u64, Error> {
        let written = if self.upload.is_some() {
            if !self.buffer.is_empty() {
                self.send_part().await?;
            }
            self.complete().await
        } else {
            self.put().await
        };
        self.settle(written).await?;
        self.upload = None;
        Ok(self.bytes)
    }

    /// Takes back what was sent, unless that takes too long.
    pub(crate) async fn abort(&mut self) {
        let Some(upload) = self.upload.take() else {
            return;
        };
        let call = self.store.client.abort_multipart_upload();
        let call = call
            .bucket(&self.store.bucket)
            .key(&self.key)
            .upload_id(upload.id);
        let why = match timeout(ABORT_WITHIN, call.send()).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => match self.store.refusal("AbortMultipartUpload", &self.key, error) {
                Refusal::Unmet => return,
                Refusal::Failed(error) => error.to_string(),
            },
            Err(late) => late.to_string(),
        };
        tracing::warn!(
            s3.key = self.key,
            error = why,
            "left an upload for the bucket's lifecycle rule"
        );
    }

    async fn send_part(&mut self) -> Result<(), Error> {
        if self.upload.is_none() {
            let id = self.begin().await?;
            self.upload = Some(Upload {
                id,
                parts: Vec::new(),
            });
        }
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        let number = i32::try_from(upload.parts.len()).unwrap_or(i32::MAX) + 1;
        let part = self
            .store
            .client
            .upload_part()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(std::mem::take(&mut self.buffer)))
            .send()
            .await
            .map_err(|error| self.store.failure("UploadPart", &self.key, error))?;
        upload.parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .build(),
        );
        Ok(())
    }

    async fn begin(&self) -> Result<String, Error> {
        let created = self
            .store
            .client
            .create_multipart_upload()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .content_type(CONTENT_TYPE)
            .metadata(ATTEMPT, &self.attempt)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|error| {
                self.store
                    .failure("CreateMultipartUpload", &self.key, error)
            })?;
        created
            .upload_id
            .ok_or_else(|| self.store.conflict(&self.key))
    }

    async fn put(&mut self) -> Result<(), Refusal> {
        let put = self
            .store
            .client
            .put_object()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .content_type(CONTENT_TYPE)
            .metadata(ATTEMPT, &self.attempt)
            .body(ByteStream::from(std::mem::take(&mut self.buffer)));
        let put = match &self.condition {
            Condition::Absent => put.if_none_match("*"),
            Condition::Same(etag) => put.if_match(etag),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.store.refusal("PutObject", &self.key, error)),
        }
    }

    async fn complete(&mut self) -> Result<(), Refusal> {
        let Some(upload) = &self.upload else {
            return Err(Refusal::Unmet);
        };
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(upload.parts.clone()))
            .build();
        let complete = self
            .store
            .client
            .complete_multipart_upload()
            .bucket(&self.store.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .multipart_upload(parts);
        let complete = match &self.condition {
            Condition::Absent => complete.if_none_match("*"),
            Condition::Same(etag) => complete.if_match(etag),
        };
        match complete.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self
                .store
                .refusal("CompleteMultipartUpload", &self.key, error)),
        }
    }

    /// Without a clear yes, the object itself tells whether this very write took effect.
    async fn settle(&self, written: Result<(), Refusal>) -> Result<(), Error> {
        let error = match written {
            Ok(()) => return Ok(()),
            Err(Refusal::Unmet) => self.store.conflict(&self.key),
            Err(Refusal::Failed(error)) if error.is_transient() => error,
            Err(Refusal::Failed(error)) => return Err(error),
        };
        match self.store.attempt_of(&self.key).await {
            Ok(Some(attempt)) if attempt == self.attempt => Ok(()),
            _ => Err(error),
        }
    }
}

impl Store {
    fn failure<E>(&self, action: &'static str, key: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match self.refusal(action, key, error) {
            Refusal::Failed(error) => error,
            Refusal::Unmet => self.conflict(key),
        }
    }

    fn conflict(&self, key: &str) -> Error {
        Error::Lake(lake::Error::Conflict {
            key: key.to_owned(),
            bucket: self.bucket.clone(),
        })
    }
}
