use egress::Egress;
use lambda_kit::{Env, Failure};

use crate::aws::{QueueArns, QueueUrls, ScheduleSettings};
use crate::env::{at_least_one, invalid, needed};

/// Where a function of the hub finds what it needs.
///
/// | variable | meaning |
/// |---|---|
/// | `STATE_TABLE`, `BUCKET` | table and bucket; needed |
/// | `SECRET_PREFIX` | what the names of secrets begin with; `deskbridge/` if unset |
/// | `INTEGRATION_JOBS_QUEUE_URL`, `INTEGRATION_JOBS_QUEUE_ARN` | queue of `integrations-worker` |
/// | `DATABASE_JOBS_QUEUE_URL`, `DATABASE_JOBS_QUEUE_ARN` | queue of `database-worker` |
/// | `SCHEDULE_GROUP`, `SCHEDULE_ROLE_ARN`, `SCHEDULE_DLQ_ARN` | schedules: their group, the role that sends for them, the queue of what could not be sent |
/// | `ALERT_TOPIC_ARN` | topic for integrations that fail again and again; without it they are in the log only |
/// | `ALLOWED_PRIVATE_ADDRESSES` | private addresses that integrations may call, such as `10.0.0.0/8, 192.168.1.7:5432` |
/// | `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` | set by Lambda, MB: a twelfth of it, and 20 MiB at least, is for rows that are merged at once |
/// | `SQLITE_MAX_MB` | largest SQLite file that `database-worker` reads, which must fit into its `/tmp`; 256 |
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) table: String,
    /// The bucket of rows and records.
    pub bucket: String,
    pub(crate) secret_prefix: String,
    pub(crate) queue_urls: QueueUrls,
    pub(crate) queue_arns: QueueArns,
    pub(crate) schedules: ScheduleSettings,
    pub(crate) alert_topic_arn: Option<String>,
    /// Which addresses integrations may call.
    pub egress: Egress,
    /// The largest SQLite file that is read, MB.
    pub sqlite_max_mb: u32,
    pub(crate) merge_bytes: usize,
}

const SQLITE_MAX_MB: u32 = 256;
const MB: usize = 1 << 20;
/// A large run is read once for each batch; a process needs some 25 MB, and twice the batch.
const MERGE_SHARE: usize = 12;
const MERGE_AT_LEAST: usize = 20 * MB;
const SECRET_PREFIX: &str = "deskbridge/";

impl Settings {
    /// Reads and checks all settings; the failure names the variable.
    pub fn from_env(env: &Env) -> Result<Self, Failure> {
        let text = |variable| env.text(variable).map(str::to_owned);
        let egress = match env.text("ALLOWED_PRIVATE_ADDRESSES") {
            None => Egress::public_only(),
            Some(rules) => Egress::allowing(rules).map_err(|why| {
                invalid(format!(
                    "environment variable ALLOWED_PRIVATE_ADDRESSES: {why}"
                ))
            })?,
        };
        Ok(Self {
            table: needed(env, "STATE_TABLE")?.to_owned(),
            bucket: needed(env, "BUCKET")?.to_owned(),
            secret_prefix: text("SECRET_PREFIX").unwrap_or_else(|| SECRET_PREFIX.to_owned()),
            queue_urls: QueueUrls {
                integrations: text("INTEGRATION_JOBS_QUEUE_URL"),
                databases: text("DATABASE_JOBS_QUEUE_URL"),
            },
            queue_arns: QueueArns {
                integrations: text("INTEGRATION_JOBS_QUEUE_ARN"),
                databases: text("DATABASE_JOBS_QUEUE_ARN"),
            },
            schedules: ScheduleSettings {
                group: text("SCHEDULE_GROUP"),
                role_arn: text("SCHEDULE_ROLE_ARN"),
                dead_letters_arn: text("SCHEDULE_DLQ_ARN"),
            },
            alert_topic_arn: text("ALERT_TOPIC_ARN"),
            egress,
            merge_bytes: merge_bytes(env)?,
            sqlite_max_mb: at_least_one(env, "SQLITE_MAX_MB", SQLITE_MAX_MB)?,
        })
    }
}

fn merge_bytes(env: &Env) -> Result<usize, Failure> {
    let memory_mb: Option<usize> = env
        .parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        .map_err(invalid)?;
    let share = memory_mb.unwrap_or_default() * MB / MERGE_SHARE;
    Ok(share.max(MERGE_AT_LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Failure> {
        let usual = [("STATE_TABLE", "t"), ("BUCKET", "b")];
        let pairs = usual.into_iter().chain(pairs.iter().copied());
        Settings::from_env(&pairs.collect())
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_named() {
        assert_eq!(read(&[]).unwrap().secret_prefix, "deskbridge/");
        for (name, value) in [
            ("STATE_TABLE", ""),
            ("BUCKET", ""),
            ("ALLOWED_PRIVATE_ADDRESSES", "everything"),
            ("ALLOWED_PRIVATE_ADDRESSES", "169.254.169.254"),
            ("SQLITE_MAX_MB", "much"),
            ("SQLITE_MAX_MB", "0"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "plenty"),
        ] {
            let failure = read(&[(name, value)]).unwrap_err();
            assert!(failure.message.contains(name), "{failure}");
        }
    }

    #[test]
    fn more_memory_means_fewer_passes_over_a_run() {
        for (memory, mib) in [("128", 20), ("240", 20), ("512", 42), ("3008", 250)] {
            let settings = read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)]).unwrap();
            assert_eq!(settings.merge_bytes / MB, mib, "{memory}");
        }
    }
}
