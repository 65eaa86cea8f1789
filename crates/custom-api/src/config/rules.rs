use serde::Deserialize;
use serde_json::Value;

use super::keys::Problems;

/// What to do with an answer of a certain status and text.
#[derive(Debug, Clone)]
pub(crate) struct ErrorRule {
    statuses: Vec<(u16, u16)>,
    /// Lower case.
    pub(crate) text: Option<String>,
    pub(crate) action: Action,
    pub(crate) message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// The run ends.
    Fail,
    /// Sent again after a while.
    Retry,
    /// Taken as an answer without rows, the last one.
    Ignore,
    /// Sent again when the API allows.
    RateLimited,
    /// Sent again with a new access token.
    RefreshToken,
    /// As ignored, and the run tells that rows are missing.
    Skip,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    status: Option<Value>,
    #[serde(default)]
    text: Option<String>,
    action: Action,
    #[serde(default)]
    message: Option<String>,
}

impl ErrorRule {
    pub(super) fn read(problems: &mut Problems, path: &str, value: &Value) -> Option<Self> {
        let raw: Raw = problems.parse(path, value)?;
        if raw.status.is_none() && raw.text.is_none() {
            problems.add(path, "needs `status`, `text` or both");
        }
        let statuses = match &raw.status {
            None => Some(Vec::new()),
            Some(Value::Array(all)) => all.iter().map(range).collect(),
            Some(one) => range(one).map(|range| vec![range]),
        };
        if statuses.is_none() {
            let right = "must be an HTTP status such as 404 or \"5xx\", or an array of them";
            problems.add(format!("{path}.status"), right);
        }
        Some(Self {
            statuses: statuses?,
            text: raw.text.map(|text| text.to_lowercase()),
            action: raw.action,
            message: raw.message,
        })
    }

    pub(crate) fn matches_status(&self, status: u16) -> bool {
        self.statuses.is_empty()
            || self
                .statuses
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&status))
    }
}

fn range(value: &Value) -> Option<(u16, u16)> {
    if let Some(class) = value.as_str().and_then(|text| text.strip_suffix("xx")) {
        let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
        return Some((class * 100, class * 100 + 99));
    }
    let status = match value {
        Value::String(text) => text.parse().ok()?,
        other => other.as_u64()?,
    };
    let status = u16::try_from(status).ok()?;
    (100..600).contains(&status).then_some((status, status))
}
