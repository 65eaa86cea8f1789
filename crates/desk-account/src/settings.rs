use std::fmt::Display;
use std::str::FromStr;

use credentials::{DataCentre, SecretId};
use lambda_kit::{Env, ErrorType, Failure};
use lambda_runtime::Context;
use vendor_http::Origin;

/// Which account a function works for, and how much of it it may use.
///
/// | variable | default |
/// |---|---|
/// | `SECRET_ID` | `zoho_auth` |
/// | `BUCKET` | `zoho-reports-<AWSAccountId>` |
/// | `ZOHO_DATA_CENTER` | `us` |
/// | `MAX_CONCURRENCY` | 5, the least any edition allows |
/// | `CREDIT_RESERVE_PERCENT` | 10 |
/// | `ZOHO_ACCOUNTS_URL`, `ZOHO_DESK_URL` | the data centre's |
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) secret_id: SecretId,
    pub(crate) bucket: Option<String>,
    pub(crate) data_centre: Option<DataCentre>,
    pub(crate) accounts: Origin,
    pub(crate) desk: Origin,
    pub(crate) max_concurrency: u32,
    pub(crate) credit_reserve_percent: u8,
}

const DEFAULT_SECRET: &str = "zoho_auth";
const DEFAULT_CONCURRENCY: u32 = 5;
const DEFAULT_RESERVE_PERCENT: u8 = 10;
const MOST_CONCURRENCY: u32 = 25;

impl Settings {
    /// Reads and checks all settings; the failure names the variable.
    pub fn from_env(env: &Env) -> Result<Self, Failure> {
        let accounts: Option<Origin> = parsed(env, "ZOHO_ACCOUNTS_URL")?;
        let data_centre: Option<DataCentre> = parsed(env, "ZOHO_DATA_CENTER")?;
        let centre = data_centre.unwrap_or(DataCentre::Us);
        let max_concurrency = parsed(env, "MAX_CONCURRENCY")?.unwrap_or(DEFAULT_CONCURRENCY);
        let credit_reserve_percent =
            parsed(env, "CREDIT_RESERVE_PERCENT")?.unwrap_or(DEFAULT_RESERVE_PERCENT);
        in_range("MAX_CONCURRENCY", max_concurrency, 1, MOST_CONCURRENCY)?;
        in_range(
            "CREDIT_RESERVE_PERCENT",
            u32::from(credit_reserve_percent),
            0,
            100,
        )?;
        Ok(Self {
            secret_id: match parsed(env, "SECRET_ID")? {
                Some(id) => id,
                None => DEFAULT_SECRET.parse().map_err(invalid)?,
            },
            bucket: env.text("BUCKET").map(str::to_owned),
            // Where a token may come from is only known when the origin is not somebody's own.
            data_centre: data_centre.or_else(|| accounts.is_none().then_some(centre)),
            accounts: accounts.unwrap_or_else(|| centre.accounts_origin()),
            desk: parsed(env, "ZOHO_DESK_URL")?.unwrap_or_else(|| centre.desk_origin()),
            max_concurrency,
            credit_reserve_percent,
        })
    }

    /// Without a reserve of credits: for functions that the reserve is kept for, and that need not
    /// ask for the account's edition to keep one.
    #[must_use]
    pub fn without_reserve(self) -> Self {
        Self {
            credit_reserve_percent: 0,
            ..self
        }
    }

    /// The data centre's Desk host, or what stands in for it.
    pub fn desk_origin(&self) -> &Origin {
        &self.desk
    }

    /// The secret, unless an event names another.
    pub fn secret_id(&self) -> &SecretId {
        &self.secret_id
    }

    /// The bucket: the configured one, or the one of the account that the function runs in.
    pub fn bucket(&self, context: &Context) -> Result<String, Failure> {
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.clone());
        }
        lambda_kit::account_of(context)
            .map(|account| format!("zoho-reports-{account}"))
            .ok_or_else(|| {
                Failure::new(
                    ErrorType::StorageDenied,
                    "no bucket is configured; set the environment variable BUCKET",
                )
            })
    }
}

fn parsed<T>(env: &Env, name: &str) -> Result<Option<T>, Failure>
where
    T: FromStr<Err: Display>,
{
    env.parsed(name).map_err(invalid)
}

fn in_range(name: &str, value: u32, least: u32, most: u32) -> Result<(), Failure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(invalid(format!(
        "environment variable {name} is {value}: it must be {least} to {most}"
    )))
}

fn invalid(why: impl Display) -> Failure {
    Failure::new(ErrorType::InvalidEvent, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Failure> {
        Settings::from_env(&pairs.iter().copied().collect())
    }

    #[test]
    fn nothing_set_is_the_documented_default() {
        let settings = read(&[("SECRET_ID", ""), ("ZOHO_DESK_URL", "")]).unwrap();
        assert_eq!(settings.secret_id.as_str(), "zoho_auth");
        assert_eq!(settings.accounts.to_string(), "https://accounts.zoho.com");
        assert_eq!(settings.desk.to_string(), "https://desk.zoho.com");
        assert_eq!(settings.max_concurrency, 5);
        assert_eq!(settings.credit_reserve_percent, 10);
        assert_eq!(settings.without_reserve().credit_reserve_percent, 0);
    }

    #[test]
    fn the_data_centre_chooses_the_hosts() {
        let settings = read(&[("ZOHO_DATA_CENTER", "ca")]).unwrap();
        assert_eq!(
            settings.accounts.to_string(),
            "https://accounts.zohocloud.ca"
        );
        assert_eq!(settings.desk.to_string(), "https://desk.zohocloud.ca");
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_named() {
        for (name, value) in [
            ("ZOHO_DATA_CENTER", "mars"),
            ("ZOHO_DESK_URL", "http://desk.zoho.com"),
            ("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.com/oauth"),
            ("MAX_CONCURRENCY", "0"),
            ("MAX_CONCURRENCY", "lots"),
            ("CREDIT_RESERVE_PERCENT", "101"),
            ("SECRET_ID", "a b"),
        ] {
            let failure = read(&[(name, value)]).unwrap_err();
            assert_eq!(failure.error_type, ErrorType::InvalidEvent);
            assert!(failure.message.contains(name), "{failure}");
        }
    }

    #[test]
    fn the_bucket_is_the_configured_one_or_the_accounts() {
        let mut context = Context::default();
        let configured = read(&[("BUCKET", "b")]).unwrap();
        assert_eq!(configured.bucket(&context).unwrap(), "b");
        let settings = read(&[]).unwrap();
        let failure = settings.bucket(&context).unwrap_err();
        assert_eq!(failure.error_type, ErrorType::StorageDenied);
        context.invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:x".into();
        let bucket = settings.bucket(&context).unwrap();
        assert_eq!(bucket, "zoho-reports-123456789012");
    }
}
