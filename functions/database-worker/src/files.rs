use std::io::Write as _;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use databases::{SqliteFile, SqliteFiles};
use engine::{Error, Kind};
use futures_util::future::BoxFuture;
use sql::FilePlace;
use state::TenantId;
use tempfile::NamedTempFile;
use vendor_http::Deadline;

/// `SQLite` files in S3, up to `SQLITE_MAX_MB` each: they must fit into `/tmp`.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    client: Client,
    most_bytes: u64,
}

const MB: u64 = 1024 * 1024;

impl Bucket {
    pub(crate) fn new(client: &Client, most_mb: u32) -> Self {
        Self {
            client: client.clone(),
            most_bytes: u64::from(most_mb) * MB,
        }
    }

    async fn fetch(&self, bucket: &str, key: &str) -> Result<SqliteFile, Error> {
        let object = self.client.get_object().bucket(bucket).key(key);
        let mut object = Box::pin(object.send())
            .await
            .map_err(|error| match error.code() {
                Some("NoSuchKey" | "NoSuchBucket" | "NotFound") => Error::new(
                    Kind::InvalidConfig,
                    "there is no such file; correct config.file",
                ),
                Some("AccessDenied") => Error::new(
                    Kind::InvalidConfig,
                    "the file may not be read; allow database-worker's role s3:GetObject on it, or correct config.file",
                ),
                _ => Error::new(
                    Kind::Upstream,
                    format!("the file cannot be read from S3: {}", lambda_kit::causes(&error)),
                ),
            })?;
        let size = object
            .content_length()
            .and_then(|size| u64::try_from(size).ok());
        if size.is_some_and(|size| size > self.most_bytes) {
            return Err(self.too_large());
        }
        let version = object.e_tag().unwrap_or_default().to_owned();
        let mut file = NamedTempFile::new().map_err(|error| unwritable(&error))?;
        let mut bytes = 0;
        while let Some(part) = object.body.try_next().await.map_err(broken)? {
            bytes += part.len() as u64;
            if bytes > self.most_bytes {
                return Err(self.too_large());
            }
            file.write_all(&part).map_err(|error| unwritable(&error))?;
        }
        file.flush().map_err(|error| unwritable(&error))?;
        let path = file.into_temp_path();
        Ok(SqliteFile {
            path: path.to_path_buf(),
            version,
            keep: Box::new(path),
        })
    }

    fn too_large(&self) -> Error {
        Error::new(
            Kind::Refused,
            format!(
                "the file is larger than {} MB; raise SQLITE_MAX_MB and the function's EphemeralStorage",
                self.most_bytes / MB
            ),
        )
    }
}

/// The files of one tenant: what lies below `databases/<tenant>/` in any bucket that the function's
/// role may read.
#[derive(Debug)]
pub(crate) struct TenantFiles<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) tenant: &'a TenantId,
    pub(crate) deadline: Deadline,
}

impl SqliteFiles for TenantFiles<'_> {
    fn fetch<'a>(&'a self, place: &'a FilePlace) -> BoxFuture<'a, Result<SqliteFile, Error>> {
        Box::pin(async move {
            let (bucket, key) = permitted(self.tenant, place)?;
            let fetched = self.bucket.fetch(bucket, key);
            tokio::time::timeout(self.deadline.remaining(), fetched)
                .await
                .unwrap_or_else(|_| {
                    Err(Error::new(
                        Kind::DeadlineExceeded,
                        "time ran out while the file was fetched; give the function more of it",
                    ))
                })
        })
    }
}

/// Bucket and key, if the tenant may read them. Decided before S3 is asked, so that nobody learns
/// what there is of others.
fn permitted<'p>(tenant: &TenantId, place: &'p FilePlace) -> Result<(&'p str, &'p str), Error> {
    let own = format!("databases/{tenant}/");
    match place {
        FilePlace::S3 { bucket, key } if key.starts_with(&own) => Ok((bucket, key)),
        _ => Err(Error::new(
            Kind::Refused,
            format!("only files at s3://<bucket>/{own}… can be read; put the file there"),
        )),
    }
}

fn unwritable(error: &std::io::Error) -> Error {
    Error::new(
        Kind::Internal,
        format!(
            "the file cannot be put on the function's disk: {error}; give it more EphemeralStorage"
        ),
    )
}

fn broken(error: impl std::error::Error) -> Error {
    Error::new(
        Kind::Upstream,
        format!(
            "the file cannot be read from S3: {}",
            lambda_kit::causes(&error)
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use simulators::aws::Aws;

    use super::*;

    fn client(aws: &Aws) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(aws.origin())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .build();
        Client::from_conf(config)
    }

    fn place(key: &str) -> FilePlace {
        FilePlace::S3 {
            bucket: "files".to_owned(),
            key: key.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_tenants_file_comes_to_this_machine_and_goes_again() {
        let aws = Aws::start().await.unwrap();
        let content = vec![7_u8; 100_000];
        aws.put_object("files", "databases/acme/shop.db", content.clone());
        let bucket = Bucket::new(&client(&aws), 256);
        let tenant = TenantId::parse("acme").unwrap();
        let files = TenantFiles {
            bucket: &bucket,
            tenant: &tenant,
            deadline: Deadline::after(Duration::from_secs(30)),
        };
        let place = place("databases/acme/shop.db");
        let file = files.fetch(&place).await.unwrap();
        assert_eq!(std::fs::read(&file.path).unwrap(), content);
        assert!(!file.version.is_empty());
        let path = file.path.clone();
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_not_the_tenants_or_not_there_or_too_large_is_refused() {
        let aws = Aws::start().await.unwrap();
        aws.put_object("files", "databases/other/shop.db", "theirs");
        aws.put_object(
            "files",
            "databases/acme/large.db",
            vec![0_u8; 3 * 1024 * 1024],
        );
        let bucket = Bucket::new(&client(&aws), 2);
        let tenant = TenantId::parse("acme").unwrap();
        let files = TenantFiles {
            bucket: &bucket,
            tenant: &tenant,
            deadline: Deadline::after(Duration::from_secs(30)),
        };
        for (place, kind) in [
            (place("databases/other/shop.db"), Kind::Refused),
            (place("databases/acme-2/shop.db"), Kind::Refused),
            (place("integrations/tenant=acme/x"), Kind::Refused),
            (FilePlace::Local("/etc/passwd".to_owned()), Kind::Refused),
            (place("databases/acme/none.db"), Kind::InvalidConfig),
            (place("databases/acme/large.db"), Kind::Refused),
        ] {
            let refused = files.fetch(&place).await.unwrap_err();
            assert_eq!(refused.kind(), kind, "{place:?}: {refused}");
        }
        assert_eq!(
            aws.calls("GetObject"),
            2,
            "S3 is not asked about others' files"
        );
    }
}
