use std::fmt::Display;
use std::str::FromStr;

use lake::Format;
use lambda_kit::{Env, ErrorType, Failure};
use reports::Settings;

/// The settings of a report function.
///
/// | variable | default |
/// |---|---|
/// | those of [`desk_account::Settings`] | |
/// | `OUTPUT_FORMAT` | `json` |
/// | `DEPARTMENT_ID`, `AGENT_ID`, `TICKET_ID`, `TICKET_STATUS` | none |
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) account: desk_account::Settings,
    pub(crate) settings: Settings,
}

impl Config {
    /// Reads and checks all settings; the failure names the variable.
    pub fn from_env(env: &Env) -> Result<Self, Failure> {
        Ok(Self {
            account: desk_account::Settings::from_env(env)?,
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
    env.parsed(name)
        .map_err(|why| Failure::new(ErrorType::InvalidEvent, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Failure> {
        Config::from_env(&pairs.iter().copied().collect())
    }

    #[test]
    fn nothing_set_narrows_nothing() {
        let config = read(&[("DEPARTMENT_ID", "")]).unwrap();
        assert_eq!(config.settings, Settings::default());
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_named() {
        for (name, value) in [
            ("DEPARTMENT_ID", "sales"),
            ("AGENT_ID", "ann"),
            ("OUTPUT_FORMAT", "xml"),
            ("MAX_CONCURRENCY", "0"),
        ] {
            let failure = read(&[(name, value)]).unwrap_err();
            assert_eq!(failure.error_type, ErrorType::InvalidEvent);
            assert!(failure.message.contains(name), "{failure}");
        }
    }
}
