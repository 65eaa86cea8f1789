use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Call, Error, Refusal, causes};
use crate::segment::Segment;

/// Metadata that tells whose write an object is, should the answer to the write get lost.
const ATTEMPT: &str = "attempt";

/// How often a conditional write is repeated while another one on the same key is under way.
const CONTENDED_ATTEMPTS: u32 = 6;

/// One bucket, as lakes and what is built on them use it: every write has a condition, and an
/// answer that was lost is settled by reading back. Timeouts and retries are the client's.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    bucket: String,
}

/// An object as read.
#[derive(Debug)]
pub struct Stored {
    /// All of it.
    pub bytes: Bytes,
    /// Which version of the object it is, for [`Condition::Same`].
    pub etag: String,
}

/// An object that is being read.
#[derive(Debug)]
pub struct Body {
    stream: ByteStream,
    key: String,
    etag: String,
}

/// What must hold for a write to take place.
#[derive(Debug, Clone, Copy)]
pub enum Condition<'a> {
    /// There is no such object yet.
    Absent,
    /// The object still has this `ETag`.
    Same(&'a str),
}

/// Whether the condition of a write held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It did; the object's `ETag` now.
    Yes(String),
    /// It did not, and nothing was written.
    No,
}

/// What became of the upload of an earlier leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// Its object is there.
    Done,
    /// Neither the upload nor its object is there.
    Lost,
}

/// A data object to be.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where; nothing may be there yet.
    pub key: String,
    /// What the object says it is.
    pub content_type: &'static str,
    /// Tells this very write from all others: stored with the object.
    pub attempt: String,
}

impl Stored {
    /// The JSON in it; [`Error::Corrupt`] if it is something else.
    pub fn parse<T: DeserializeOwned>(&self, key: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes).map_err(|error| Error::Corrupt {
            key: key.to_owned(),
            why: error.to_string(),
        })
    }
}

impl Body {
    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = self.stream.try_next().await;
        next.map_err(|error| unread(&self.key, error))
    }

    /// Which version of the object it is.
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

/// An answer broke off.
fn unread<E>(key: &str, error: E) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    Error::Unavailable {
        action: "GetObject",
        key: key.to_owned(),
        status: None,
        detail: causes(&error),
        source: Box::new(error),
    }
}

impl Store {
    /// The bucket of that name.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What to answer when somebody else keeps writing the object at `key`.
    pub fn conflict(&self, key: &str) -> Error {
        self.call("PutObject", key).conflict()
    }

    fn call<'a>(&'a self, action: &'static str, key: &'a str) -> Call<'a> {
        Call {
            action,
            bucket: &self.bucket,
            key,
        }
    }

    /// The object at `key`, if there is one.
    pub async fn get(&self, key: &str) -> Result<Option<Stored>, Error> {
        let Some(body) = self.open(key).await? else {
            return Ok(None);
        };
        let bytes = body.stream.collect().await;
        let bytes = bytes.map_err(|error| unread(key, error))?.into_bytes();
        Ok(Some(Stored {
            bytes,
            etag: body.etag,
        }))
    }

    /// Begins to read the object at `key`, if there is one.
    pub async fn open(&self, key: &str) -> Result<Option<Body>, Error> {
        let call = self.call("GetObject", key);
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match answer.map_err(|error| call.refusal(error)) {
            Ok(found) => Ok(Some(Body {
                stream: found.body,
                key: key.to_owned(),
                etag: found.e_tag.unwrap_or_default(),
            })),
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Condition | Refusal::Contended) => Err(call.conflict()),
        }
    }

    /// Writes `value` as JSON if `condition` holds; a lost answer to this very write is a yes.
    pub async fn write(
        &self,
        key: &str,
        value: &(impl Serialize + Sync),
        condition: Condition<'_>,
    ) -> Result<Written, Error> {
        let mut json = serde_json::to_vec_pretty(value).map_err(|error| Error::Corrupt {
            key: key.to_owned(),
            why: error.to_string(),
        })?;
        json.push(b'\n');
        let json = Bytes::from(json);
        let answer = self
            .put(key, json.clone(), "application/json", None, condition)
            .await;
        let unclear = match &answer {
            Ok(Written::Yes(_)) => false,
            Ok(Written::No) => true,
            Err(error) => error.may_have_happened(),
        };
        if unclear
            && let Ok(Some(found)) = self.get(key).await
            && found.bytes == json
        {
            return Ok(Written::Yes(found.etag));
        }
        answer
    }

    /// Creates a data object in one call; a lost answer to this very write is a yes.
    pub async fn create(&self, target: &Target, bytes: Bytes) -> Result<(), Error> {
        let answer = self
            .put(
                &target.key,
                bytes,
                target.content_type,
                Some(&target.attempt),
                Condition::Absent,
            )
            .await;
        self.created(target, answer).await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        content_type: &str,
        attempt: Option<&str>,
        condition: Condition<'_>,
    ) -> Result<Written, Error> {
        let call = self.call("PutObject", key);
        for round in 0..CONTENDED_ATTEMPTS {
            if round > 0 {
                pause(round).await;
            }
            let mut put = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .content_type(content_type)
                .body(ByteStream::from(bytes.clone()));
            if let Some(attempt) = attempt {
                put = put.metadata(ATTEMPT, attempt);
            }
            let put = match condition {
                Condition::Absent => put.if_none_match("*"),
                Condition::Same(etag) => put.if_match(etag),
            };
            match put.send().await.map_err(|error| call.refusal(error)) {
                Ok(put) => return Ok(Written::Yes(put.e_tag.unwrap_or_default())),
                Err(Refusal::Condition | Refusal::Missing) => return Ok(Written::No),
                Err(Refusal::Contended) => {}
                Err(Refusal::Failed(error)) => return Err(error),
            }
        }
        Err(call.conflict())
    }

    /// Settles the creation of a data object: without a clear yes, the object itself tells.
    async fn created(&self, target: &Target, answer: Result<Written, Error>) -> Result<(), Error> {
        let error = match answer {
            Ok(Written::Yes(_)) => return Ok(()),
            Ok(Written::No) => self.conflict(&target.key),
            Err(error) if error.may_have_happened() => error,
            Err(error) => return Err(error),
        };
        match self.attempt_of(&target.key).await {
            Ok(Some(attempt)) if attempt == target.attempt => Ok(()),
            _ => Err(error),
        }
    }

    async fn attempt_of(&self, key: &str) -> Result<Option<String>, Error> {
        let call = self.call("HeadObject", key);
        let answer = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        match answer.map_err(|error| call.refusal(error)) {
            Ok(head) => Ok(head.metadata.and_then(|mut fields| fields.remove(ATTEMPT))),
            Err(Refusal::Failed(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Deletes the object; one that is not there counts as deleted.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let call = self.call("DeleteObject", key);
        let answer = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await;
        call.removed(answer.map_err(|error| call.refusal(error)))
    }

    /// The keys that begin with `prefix`, in order.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let call = self.call("ListObjectsV2", prefix);
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.failure(error))?;
            keys.extend(page.contents.into_iter().flatten().filter_map(|o| o.key));
        }
        Ok(keys)
    }

    /// Aborts all uploads of keys that begin with `prefix`; how many there were.
    pub async fn abort_uploads(&self, prefix: &str) -> Result<u64, Error> {
        let uploads = self.uploads(prefix).await?;
        for (key, upload) in &uploads {
            self.abort_upload(key, upload).await?;
        }
        Ok(uploads.len() as u64)
    }

    /// The multipart uploads that nobody completed or aborted, as key and id.
    async fn uploads(&self, prefix: &str) -> Result<Vec<(String, String)>, Error> {
        let call = self.call("ListMultipartUploads", prefix);
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let page = self
                .client
                .list_multipart_uploads()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await
                .map_err(|error| call.failure(error))?;
            let more = page.is_truncated() == Some(true);
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
            uploads.extend(
                page.uploads
                    .into_iter()
                    .flatten()
                    .filter_map(|upload| upload.key.zip(upload.upload_id)),
            );
            if !more || key_marker.is_none() {
                return Ok(uploads);
            }
        }
    }

    /// Aborts all uploads of exactly this key, save the one with the id `spared`.
    pub(crate) async fn abort_uploads_of(
        &self,
        key: &str,
        spared: Option<&str>,
    ) -> Result<(), Error> {
        for (found, upload) in self.uploads(key).await? {
            if found == key && Some(upload.as_str()) != spared {
                self.abort_upload(key, &upload).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn create_upload(&self, target: &Target) -> Result<String, Error> {
        let call = self.call("CreateMultipartUpload", &target.key);
        let created = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&target.key)
            .content_type(target.content_type)
            .metadata(ATTEMPT, &target.attempt)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|error| call.failure(error))?;
        created.upload_id.ok_or_else(|| Error::Refused {
            action: call.action,
            key: target.key.clone(),
            bucket: self.bucket.clone(),
            code: "an empty answer".to_owned(),
            detail: "no upload id".to_owned(),
        })
    }

    /// `number` counts from 1.
    pub(crate) async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        bytes: Bytes,
    ) -> Result<CompletedPart, Error> {
        let call = self.call("UploadPart", key);
        let part = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes))
            // The checksum covers the bytes and the signature the checksum: a digest of them for the
            // signature alone would be a sixth of a run's processor time.
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| call.failure(error))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .build())
    }

    /// Turns the parts, in order, into the data object.
    pub(crate) async fn complete_upload(
        &self,
        target: &Target,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<(), Error> {
        let answer = match self.complete(&target.key, upload, parts).await {
            Ok(etag) => Ok(Written::Yes(etag)),
            // A missing upload is what a repeated call meets when the first one got through.
            Err(Refusal::Condition | Refusal::Missing | Refusal::Contended) => Ok(Written::No),
            Err(Refusal::Failed(error)) => Err(error),
        };
        self.created(target, answer).await
    }

    /// Turns the upload of an earlier leg into its object, unless a commit that died did.
    pub(crate) async fn complete_segment(&self, segment: &Segment) -> Result<Completion, Error> {
        let key = &segment.key;
        for round in 0..CONTENDED_ATTEMPTS {
            if round > 0 {
                pause(round).await;
            }
            let parts = segment.parts.iter().map(CompletedPart::from).collect();
            let Err(refusal) = self.complete(key, &segment.upload_id, parts).await else {
                return Ok(Completion::Done);
            };
            let unclear = match refusal {
                Refusal::Contended => continue,
                Refusal::Missing | Refusal::Condition => None,
                Refusal::Failed(Error::Refused { code, .. }) if code == "InvalidPart" => None,
                Refusal::Failed(error) if error.may_have_happened() => Some(error),
                Refusal::Failed(error) => return Err(error),
            };
            let ours = self.attempt_of(key).await?.as_ref() == Some(&segment.attempt);
            return match unclear {
                _ if ours => Ok(Completion::Done),
                None => Ok(Completion::Lost),
                Some(error) => Err(error),
            };
        }
        Err(self.call("CompleteMultipartUpload", key).conflict())
    }

    async fn complete(
        &self,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<String, Refusal> {
        let call = self.call("CompleteMultipartUpload", key);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .if_none_match("*")
            .multipart_upload(parts.build())
            .send()
            .await
            .map(|completed| completed.e_tag.unwrap_or_default())
            .map_err(|error| call.refusal(error))
    }

    /// Aborts the upload; one that is gone counts as aborted.
    pub(crate) async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), Error> {
        let call = self.call("AbortMultipartUpload", key);
        let answer = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .send()
            .await;
        call.removed(answer.map_err(|error| call.refusal(error)))
    }
}

/// Waits before round `round` (from 1) of a contended write: 20 ms, doubling up to 640 ms.
pub(crate) async fn pause(round: u32) {
    tokio::time::sleep(Duration::from_millis(20 << round.saturating_sub(1).min(5))).await;
}
