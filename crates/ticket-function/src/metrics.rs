use jiff::Timestamp;
use lambda_kit::{Metric, Unit};

/// Counts `metrics` of the function `name`.
pub(crate) fn emit(name: &str, at: Timestamp, metrics: &[Metric]) {
    lambda_kit::emit_by(&[("Function", name)], at, metrics);
}

pub(crate) fn count(name: &'static str, value: u64) -> Metric {
    Metric {
        name,
        unit: Unit::Count,
        value,
    }
}

pub(crate) fn duration_ms(name: &'static str, duration: std::time::Duration) -> Metric {
    Metric {
        name,
        unit: Unit::Milliseconds,
        value: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
    }
}
