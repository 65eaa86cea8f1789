use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::Asked;
use super::chunked::{self, Payload};
use super::xml;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

#[derive(Debug)]
pub(super) struct S3 {
    buckets: BTreeMap<String, Bucket>,
    min_part_bytes: usize,
    writes: u32,
}

#[derive(Debug, Default)]
struct Bucket {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    etag: String,
    modified: Timestamp,
    description: Description,
}

/// What a client says of an object besides its bytes.
#[derive(Debug, Clone, Default)]
struct Description {
    content_type: Option<String>,
    metadata: Vec<(String, String)>,
}

#[derive(Debug)]
struct Upload {
    key: String,
    description: Description,
    checksummed: bool,
    parts: BTreeMap<u32, Part>,
}

#[derive(Debug)]
struct Part {
    bytes: Bytes,
    etag: String,
    crc32: Option<String>,
}

/// One request to S3.
#[derive(Debug)]
pub(super) struct Call {
    action: Action,
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    payload: Payload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    CreateBucket,
    HeadBucket,
    ListObjectsV2,
    ListMultipartUploads,
    PutObject,
    GetObject,
    HeadObject,
    DeleteObject,
    CreateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
    AbortMultipartUpload,
}

/// S3's way to say no: status, code and message.
type Refusal = (u16, &'static str, &'static str);

const NO_SUCH_BUCKET: Refusal = (404, "NoSuchBucket", "The specified bucket does not exist");
const NO_SUCH_KEY: Refusal = (404, "NoSuchKey", "The specified key does not exist.");
const NO_SUCH_UPLOAD: Refusal = (
    404,
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
);
const PRECONDITION: Refusal = (
    412,
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
);

pub(super) fn error(status: u16, code: &str, message: &str, resource: &str) -> Response {
    let mut body = format!("{HEAD}<Error>");
    xml::push_element(&mut body, "Code", code);
    xml::push_element(&mut body, "Message", message);
    xml::push_element(&mut body, "Resource", resource);
    xml::push_element(&mut body, "RequestId", "0000000000000000");
    body.push_str("</Error>");
    respond(status, &[("content-type", "application/xml")], body)
}

fn respond(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let builder = headers.iter().fold(
        Response::builder()
            .status(status)
            .header("x-amz-request-id", "0000000000000000"),
        |builder, (name, value)| builder.header(*name, *value),
    );
    builder
        .body(body.into())
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

fn answer_xml(body: String) -> Response {
    respond(200, &[("content-type", "application/xml")], body)
}

impl Action {
    fn of(method: &Method, key: &str, query: &BTreeMap<String, String>) -> Option<Self> {
        let has = |name: &str| query.contains_key(name);
        let on_bucket = key.is_empty();
        Some(match (method.as_str(), on_bucket) {
            ("PUT", true) => Self::CreateBucket,
            ("HEAD", true) => Self::HeadBucket,
            ("GET", true) if has("uploads") => Self::ListMultipartUploads,
            ("GET", true) if has("list-type") => Self::ListObjectsV2,
            ("PUT", false) if has("uploadId") => Self::UploadPart,
            ("PUT", false) => Self::PutObject,
            ("GET", false) => Self::GetObject,
            ("HEAD", false) => Self::HeadObject,
            ("DELETE", false) if has("uploadId") => Self::AbortMultipartUpload,
            ("DELETE", false) => Self::DeleteObject,
            ("POST", false) if has("uploads") => Self::CreateMultipartUpload,
            ("POST", false) if has("uploadId") => Self::CompleteMultipartUpload,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::CreateBucket => "CreateBucket",
            Self::HeadBucket => "HeadBucket",
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::ListMultipartUploads => "ListMultipartUploads",
            Self::PutObject => "PutObject",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::DeleteObject => "DeleteObject",
            Self::CreateMultipartUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::AbortMultipartUpload => "AbortMultipartUpload",
        }
    }

    fn mutates(self) -> bool {
        !matches!(
            self,
            Self::HeadBucket
                | Self::ListObjectsV2
                | Self::ListMultipartUploads
                | Self::GetObject
                | Self::HeadObject
        )
    }
}

impl Call {
    /// Reads a path-style request, or says why S3 would not take it.
    pub(super) fn read(parts: &Parts, body: Bytes) -> Result<Self, Box<Response>> {
        let path = percent_decoded(parts.uri.path());
        let (bucket, key) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((path.trim_start_matches('/'), ""));
        let query: BTreeMap<_, _> =
            form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let Some(action) = Action::of(&parts.method, key, &query) else {
            return Err(Box::new(error(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
                &path,
            )));
        };
        let payload = chunked::payload(&parts.headers, body)
            .map_err(|(code, message)| Box::new(error(400, code, message, &path)))?;
        Ok(Self {
            action,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query,
            headers: parts.headers.clone(),
            payload,
        })
    }

    pub(super) fn asked(&self) -> Asked {
        let target = if self.key.is_empty() {
            self.query("prefix")
        } else {
            &self.key
        };
        Asked {
            action: self.action.name(),
            target: target.to_owned(),
            mutates: self.action.mutates(),
        }
    }

    fn query(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn description(&self) -> Description {
        Description {
            content_type: self.header("content-type").map(str::to_owned),
            metadata: self
                .headers
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("x-amz-meta-"))
                .filter_map(|(name, value)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                })
                .collect(),
        }
    }

    /// Whether `If-Match` and `If-None-Match` allow the request.
    fn check(&self, existing: Option<&Object>) -> Result<(), Refusal> {
        if self.header("if-none-match") == Some("*") && existing.is_some() {
            return Err(PRECONDITION);
        }
        if let Some(wanted) = self.header("if-match") {
            let existing = existing.ok_or(NO_SUCH_KEY)?;
            if wanted != "*" && wanted.trim_matches('"') != existing.etag.trim_matches('"') {
                return Err(PRECONDITION);
            }
        }
        Ok(())
    }
}

fn percent_decoded(path: &str) -> String {
    let mut bytes = path.bytes();
    let mut out = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'%')
            .then(|| Some([bytes.clone().next()?, bytes.clone().nth(1)?]))
            .flatten()
            .and_then(|pair| hex::decode(pair).ok());
        match escaped {
            Some(decoded) => {
                out.extend(decoded);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8(out)
        .unwrap_or_else(|raw| String::from_utf8_lossy(raw.as_bytes()).into_owned())
}

/// Not MD5 as on AWS, but as there a function of the content alone.
fn etag_of(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]))
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            min_part_bytes: 5 << 20,
            writes: 0,
        }
    }
}

impl S3 {
    pub(super) fn create_bucket(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    pub(super) fn put(&mut self, bucket: &str, key: &str, bytes: Bytes) {
        self.create_bucket(bucket);
        let object = Object {
            etag: etag_of(&bytes),
            bytes,
            modified: self.tick(),
            description: Description::default(),
        };
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.objects.insert(key.to_owned(), object);
        }
    }

    pub(super) fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets
            .get(bucket)
            .map(|bucket| bucket.objects.keys().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        Some(self.buckets.get(bucket)?.objects.get(key)?.bytes.clone())
    }

    pub(super) fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        let object = self.buckets.get(bucket)?.objects.get(key)?;
        object.description.content_type.clone()
    }

    pub(super) fn open_uploads(&self, bucket: &str) -> Vec<String> {
        self.buckets
            .get(bucket)
            .map(|bucket| bucket.uploads.values().map(|u| u.key.clone()).collect())
            .unwrap_or_default()
    }

    pub(super) fn set_min_part_bytes(&mut self, bytes: usize) {
        self.min_part_bytes = bytes;
    }

    /// A time that only depends on how many writes came before.
    fn tick(&mut self) -> Timestamp {
        self.writes += 1;
        Timestamp::from_second(1_767_225_600 + i64::from(self.writes)).unwrap_or_default()
    }

    pub(super) fn serve(&mut self, call: &Call) -> Response {
        self.try_serve(call)
            .unwrap_or_else(|(status, code, message)| {
                error(
                    status,
                    code,
                    message,
                    &format!("/{}/{}", call.bucket, call.key),
                )
            })
    }

    fn try_serve(&mut self, call: &Call) -> Result<Response, Refusal> {
        if call.action == Action::CreateBucket {
            self.create_bucket(&call.bucket);
            return Ok(respond(200, &[], ""));
        }
        let modified = self.tick();
        let min_part_bytes = self.min_part_bytes;
        let writes = self.writes;
        let bucket = self.buckets.get_mut(&call.bucket).ok_or(NO_SUCH_BUCKET)?;
        match call.action {
            Action::CreateBucket | Action::HeadBucket => Ok(respond(200, &[], "")),
            Action::ListObjectsV2 => bucket.list(call),
            Action::ListMultipartUploads => Ok(bucket.list_uploads(call)),
            Action::PutObject => bucket.put(call, modified),
            Action::GetObject | Action::HeadObject => bucket.get(call),
            Action::DeleteObject => bucket.delete(call),
            Action::CreateMultipartUpload => Ok(bucket.create_upload(call, writes)),
            Action::UploadPart => bucket.upload_part(call),
            Action::CompleteMultipartUpload => bucket.complete(call, modified, min_part_bytes),
            Action::AbortMultipartUpload => bucket.abort(call),
        }
    }
}

impl Bucket {
    fn put(&mut self, call: &Call, modified: Timestamp) -> Result<Response, Refusal> {
        call.check(self.objects.get(&call.key))?;
        let object = Object {
            bytes: call.payload.bytes.clone(),
            etag: etag_of(&call.payload.bytes),
            modified,
            description: call.description(),
        };
        let answer = respond(200, &[("etag", &object.etag)], "");
        self.objects.insert(call.key.clone(), object);
        Ok(answer)
    }

    fn get(&self, call: &Call) -> Result<Response, Refusal> {
        let object = self.objects.get(&call.key).ok_or(NO_SUCH_KEY)?;
        call.check(Some(object))?;
        let length = object.bytes.len().to_string();
        let modified = object
            .modified
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        let mut headers = vec![
            ("etag", object.etag.as_str()),
            ("content-length", &length),
            ("last-modified", &modified),
        ];
        if let Some(content_type) = &object.description.content_type {
            headers.push(("content-type", content_type));
        }
        let metadata = &object.description.metadata;
        headers.extend(metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        // The server leaves a HEAD's body away.
        Ok(respond(200, &headers, object.bytes.clone()))
    }

    fn delete(&mut self, call: &Call) -> Result<Response, Refusal> {
        call.check(self.objects.get(&call.key))?;
        self.objects.remove(&call.key);
        Ok(respond(204, &[], ""))
    }

    fn list(&self, call: &Call) -> Result<Response, Refusal> {
        let (prefix, delimiter) = (call.query("prefix"), call.query("delimiter"));
        let limit = match call.query.get("max-keys").map(|n| n.parse::<usize>()) {
            None => 1000,
            Some(Ok(n)) => n.min(1000),
            Some(Err(_)) => {
                return Err((400, "InvalidArgument", "Provided max-keys not an integer"));
            }
        };
        let after = match call.query.get("continuation-token") {
            Some(token) => hex::decode(token)
                .ok()
                .and_then(|key| String::from_utf8(key).ok())
                .map(Cow::Owned)
                .ok_or((
                    400,
                    "InvalidArgument",
                    "The continuation token provided is incorrect",
                ))?,
            None => Cow::Borrowed(call.query("start-after")),
        };

        let mut body = String::new();
        let mut folders: Vec<&str> = Vec::new();
        let (mut count, mut last, mut truncated) = (0, None, false);
        let fitting = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > &*after);
        for (key, object) in fitting {
            let folder = Some(delimiter)
                .filter(|delimiter| !delimiter.is_empty())
                .and_then(|delimiter| {
                    let end = key[prefix.len()..].find(delimiter)?;
                    Some(&key[..prefix.len() + end + delimiter.len()])
                });
            match folder {
                // A continuation after a folder's first keys must not list the folder again.
                Some(folder) if folders.last() == Some(&folder) || after.starts_with(folder) => {
                    last = Some(key);
                    continue;
                }
                _ if count == limit => {
                    truncated = true;
                    break;
                }
                Some(folder) => folders.push(folder),
                None => push_listed(&mut body, key, object),
            }
            count += 1;
            last = Some(key);
        }
        for folder in folders {
            body.push_str("<CommonPrefixes>");
            xml::push_element(&mut body, "Prefix", folder);
            body.push_str("</CommonPrefixes>");
        }

        let mut head = format!("{HEAD}<ListBucketResult xmlns=\"{NAMESPACE}\">");
        xml::push_element(&mut head, "Name", &call.bucket);
        xml::push_element(&mut head, "Prefix", prefix);
        xml::push_element(&mut head, "KeyCount", count);
        xml::push_element(&mut head, "MaxKeys", limit);
        xml::push_element(&mut head, "IsTruncated", truncated);
        if let Some(last) = last.filter(|_| truncated) {
            xml::push_element(&mut head, "NextContinuationToken", hex::encode(last));
        }
        Ok(answer_xml(format!("{head}{body}</ListBucketResult>")))
    }

    fn list_uploads(&self, call: &Call) -> Response {
        let prefix = call.query("prefix");
        let mut body = format!("{HEAD}<ListMultipartUploadsResult xmlns=\"{NAMESPACE}\">");
        xml::push_element(&mut body, "Bucket", &call.bucket);
        xml::push_element(&mut body, "Prefix", prefix);
        xml::push_element(&mut body, "MaxUploads", 1000);
        xml::push_element(&mut body, "IsTruncated", false);
        for (id, upload) in &self.uploads {
            if upload.key.starts_with(prefix) {
                body.push_str("<Upload>");
                xml::push_element(&mut body, "Key", &upload.key);
                xml::push_element(&mut body, "UploadId", id);
                body.push_str("</Upload>");
            }
        }
        body.push_str("</ListMultipartUploadsResult>");
        answer_xml(body)
    }

    fn create_upload(&mut self, call: &Call, number: u32) -> Response {
        let id = format!("upload-{number}");
        self.uploads.insert(
            id.clone(),
            Upload {
                key: call.key.clone(),
                description: call.description(),
                checksummed: call.header("x-amz-checksum-algorithm").is_some(),
                parts: BTreeMap::new(),
            },
        );
        let mut body = format!("{HEAD}<InitiateMultipartUploadResult xmlns=\"{NAMESPACE}\">");
        xml::push_element(&mut body, "Bucket", &call.bucket);
        xml::push_element(&mut body, "Key", &call.key);
        xml::push_element(&mut body, "UploadId", id);
        body.push_str("</InitiateMultipartUploadResult>");
        answer_xml(body)
    }

    fn upload(&mut self, call: &Call) -> Result<&mut Upload, Refusal> {
        self.uploads
            .get_mut(call.query("uploadId"))
            .filter(|upload| upload.key == call.key)
            .ok_or(NO_SUCH_UPLOAD)
    }

    fn upload_part(&mut self, call: &Call) -> Result<Response, Refusal> {
        let number = call
            .query("partNumber")
            .parse()
            .ok()
            .filter(|number| (1..=10_000).contains(number))
            .ok_or((
                400,
                "InvalidArgument",
                "Part number must be an integer between 1 and 10000, inclusive",
            ))?;
        let part = Part {
            bytes: call.payload.bytes.clone(),
            etag: etag_of(&call.payload.bytes),
            crc32: call.payload.crc32.clone(),
        };
        let mut headers = vec![("etag", part.etag.as_str())];
        if let Some(crc32) = &part.crc32 {
            headers.push(("x-amz-checksum-crc32", crc32));
        }
        let answer = respond(200, &headers, "");
        self.upload(call)?.parts.insert(number, part);
        Ok(answer)
    }

    fn complete(
        &mut self,
        call: &Call,
        modified: Timestamp,
        min_part_bytes: usize,
    ) -> Result<Response, Refusal> {
        let upload = self.upload(call)?;
        let bytes = upload.assembled(&call.payload.bytes, min_part_bytes)?;
        let parts = upload.parts.len();
        let description = upload.description.clone();
        call.check(self.objects.get(&call.key))?;

        self.uploads.remove(call.query("uploadId"));
        let etag = format!("\"{}-{parts}\"", etag_of(&bytes).trim_matches('"'));
        let mut body = format!("{HEAD}<CompleteMultipartUploadResult xmlns=\"{NAMESPACE}\">");
        xml::push_element(&mut body, "Bucket", &call.bucket);
        xml::push_element(&mut body, "Key", &call.key);
        xml::push_element(&mut body, "ETag", &etag);
        body.push_str("</CompleteMultipartUploadResult>");
        let object = Object {
            bytes,
            etag,
            modified,
            description,
        };
        self.objects.insert(call.key.clone(), object);
        Ok(answer_xml(body))
    }

    fn abort(&mut self, call: &Call) -> Result<Response, Refusal> {
        self.upload(call)?;
        self.uploads.remove(call.query("uploadId"));
        Ok(respond(204, &[], ""))
    }
}

impl Upload {
    /// The bytes of the parts that `request` lists, if it lists them as S3 wants.
    fn assembled(&self, request: &[u8], min_part_bytes: usize) -> Result<Bytes, Refusal> {
        const MALFORMED: Refusal = (
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        );
        const INVALID_PART: Refusal = (
            400,
            "InvalidPart",
            "One or more of the specified parts could not be found or did not match.",
        );
        let request = std::str::from_utf8(request).map_err(|_| MALFORMED)?;
        let listed_parts = xml::elements(request, "Part");
        if listed_parts.is_empty() {
            return Err(MALFORMED);
        }
        let (mut bytes, mut previous) = (Vec::new(), 0);
        for (position, listed) in listed_parts.iter().enumerate() {
            let number = xml::text(listed, "PartNumber")
                .and_then(|number| number.parse().ok())
                .ok_or(MALFORMED)?;
            if number <= previous {
                return Err((
                    400,
                    "InvalidPartOrder",
                    "The list of parts was not in ascending order.",
                ));
            }
            previous = number;
            let part = self.parts.get(&number).ok_or(INVALID_PART)?;
            let etag = xml::text(listed, "ETag").ok_or(MALFORMED)?;
            if etag.trim_matches('"') != part.etag.trim_matches('"') {
                return Err(INVALID_PART);
            }
            if self.checksummed
                && xml::text(listed, "ChecksumCRC32").as_deref() != part.crc32.as_deref()
            {
                return Err((
                    400,
                    "InvalidRequest",
                    "The upload was created using a crc32 checksum. The complete request must include the checksum for each part.",
                ));
            }
            let is_last = position + 1 == listed_parts.len();
            if !is_last && part.bytes.len() < min_part_bytes {
                return Err((
                    400,
                    "EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size",
                ));
            }
            bytes.extend_from_slice(&part.bytes);
        }
        Ok(bytes.into())
    }
}

fn push_listed(body: &mut String, key: &str, object: &Object) {
    body.push_str("<Contents>");
    xml::push_element(body, "Key", key);
    xml::push_element(body, "LastModified", object.modified);
    xml::push_element(body, "ETag", &object.etag);
    xml::push_element(body, "Size", object.bytes.len());
    xml::push_element(body, "StorageClass", "STANDARD");
    body.push_str("</Contents>");
}
