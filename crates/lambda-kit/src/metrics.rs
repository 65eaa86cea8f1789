use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// CloudWatch units that our metrics use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A duration.
    Milliseconds,
}

/// One value of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// E.g. `Rows`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its value.
    pub value: u64,
}

const NAMESPACE: &str = "Deskbridge";

/// Writes `metrics` of `report` to standard output in CloudWatch's embedded metric format, which
/// costs no API call.
#[expect(
    clippy::print_stdout,
    reason = "the format is read from standard output"
)]
pub fn emit(report: &str, at: Timestamp, metrics: &[Metric]) {
    println!("{}", embedded(&[("Report", report)], at, metrics));
}

/// The same for metrics that are told apart by other `dimensions`: names and values. Each set of
/// values is metrics of its own to CloudWatch, so values must be few: a route, never an id.
#[expect(
    clippy::print_stdout,
    reason = "the format is read from standard output"
)]
pub fn emit_by(dimensions: &[(&str, &str)], at: Timestamp, metrics: &[Metric]) {
    println!("{}", embedded(dimensions, at, metrics));
}

fn embedded(dimensions: &[(&str, &str)], at: Timestamp, metrics: &[Metric]) -> Value {
    let definitions: Vec<_> = metrics
        .iter()
        .map(|metric| {
            let unit = match metric.unit {
                Unit::Count => "Count",
                Unit::Milliseconds => "Milliseconds",
            };
            json!({"Name": metric.name, "Unit": unit})
        })
        .collect();
    let names: Vec<_> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [names],
                "Metrics": definitions,
            }],
        }),
    );
    for (name, value) in dimensions {
        line.insert((*name).into(), (*value).into());
    }
    for metric in metrics {
        line.insert(metric.name.into(), metric.value.into());
    }
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_the_embedded_metric_format() {
        let rows = Metric {
            name: "Rows",
            unit: Unit::Count,
            value: 7,
        };
        let line = embedded(
            &[("Report", "tickets")],
            Timestamp::from_second(1).unwrap(),
            &[rows],
        );
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1000,
                    "CloudWatchMetrics": [{
                        "Namespace": "Deskbridge",
                        "Dimensions": [["Report"]],
                        "Metrics": [{"Name": "Rows", "Unit": "Count"}],
                    }],
                },
                "Report": "tickets",
                "Rows": 7,
            })
        );
    }
}
