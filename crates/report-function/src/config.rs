use std::fmt::Display;
use std::str::FromStr;

use credentials::{DataCentre, SecretId};
use lake::Format;
use lambda_kit::{Env, ErrorType, Failure};
use reports::Settings;
use vendor_http::Origin;

/// The settings of a function.
///
/// | variable | default |
/// |---|---|
/// | `SECRET_ID` | `zoho_auth` |
/// | `BUCKET` | `zoho-reports-<AWSAccountId>` |
/// | `OUTPUT_FORMAT` | `json` |
/// | `ZOHO_DATA_CENTER` | `us` |
/// | `MAX_CONCURRENCY` | 5, the least any edition allows |
/// | `CREDIT_RESERVE_PERCENT` | 10 |
/// | `DEPARTMENT_ID`, `AGENT_ID`, `TICKET_ID`, `TICKET_STATUS` | none |
/// | `ZOHO_ACCOUNTS_URL`, `ZOHO_DESK_URL` | the data centre's |
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) secret_id: SecretId,
    pub(crate) bucket: Option<String>,
    pub(crate) data_centre: Option<DataCentre>,
    pub(crate) accounts: Origin,
    pub(crate) desk: Origin,
    pub(crate) max_concurrency: u32,
    pub(crate) credit_reserve_percent: u8,
    pub(crate) settings: Settings,
}

const DEFAULT_SECRET: &str = "zoho_auth";
const DEFAULT_CONCURRENCY: u32 = 5;
const DEFAULT_RESERVE_PERCENT: u8 = 10;
const MOST_CONCURRENCY: u32 = 25;

impl Config {
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
            settings: Settings {
                department_id: parsed(env, "DEPARTMENT_ID")?,
                agent_id: parsed(env, "AGENT_ID")?,
                ticket_id: parsed(env, "TICKET_ID")?,
                status: env.text("TICKET_STATUS").map(str::to_owned),
                format: parsed::<Format>(env, "OUTPUT_FORMAT")?,
            },
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

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Failure> {
        Config::from_env(&pairs.iter().copied().collect())
    }

    #[test]
    fn nothing_set_is_the_documented_default() {
        let config = read(&[("SECRET_ID", ""), ("ZOHO_DESK_URL", "")]).unwrap();
        assert_eq!(config.secret_id.as_str(), "zoho_auth");
        assert_eq!(config.accounts.to_string(), "https://accounts.zoho.com");
        assert_eq!(config.desk.to_string(), "https://desk.zoho.com");
        assert_eq!(config.max_concurrency, 5);
        assert_eq!(config.settings, Settings::default());
    }

    #[test]
    fn the_data_centre_chooses_the_hosts() {
        let config = read(&[("ZOHO_DATA_CENTER", "ca")]).unwrap();
        assert_eq!(config.accounts.to_string(), "https://accounts.zohocloud.ca");
        assert_eq!(config.desk.to_string(), "https://desk.zohocloud.ca");
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
            ("DEPARTMENT_ID", "sales"),
            ("OUTPUT_FORMAT", "xml"),
            ("SECRET_ID", "a b"),
        ] {
            let failure = read(&[(name, value)]).unwrap_err();
            assert_eq!(failure.error_type, ErrorType::InvalidEvent);
            assert!(failure.message.contains(name), "{failure}");
        }
    }
}
