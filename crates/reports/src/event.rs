use jiff::Timestamp;
use jiff::civil::Date;
use lake::Format;
use serde_json::{Map, Value};
use zoho_desk::EntityId;

use crate::{Backfill, InvalidEvent, RoutePath};

/// What an invocation asks for. Every recognised key is checked, also where the report does not use
/// it; unknown keys are ignored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    /// Another secret than the configured one.
    pub secret_id: Option<String>,
    /// Only this department.
    pub department_id: Option<EntityId>,
    /// Only this agent.
    pub agent_id: Option<EntityId>,
    /// Only this ticket.
    pub ticket_id: Option<EntityId>,
    /// Only tickets of this status.
    pub status: Option<String>,
    /// Start of the window.
    pub since: Option<Timestamp>,
    /// End of the window.
    pub until: Option<Timestamp>,
    /// Everything, whatever the watermark says.
    pub full: bool,
    /// Another output format than the configured one.
    pub format: Option<Format>,
    /// `desk-route` only: what to fetch.
    pub route: Option<RoutePath>,
    /// The occurrence of a schedule that this invocation is for.
    pub occurrence: Option<Occurrence>,
    /// The step of a backfill that this invocation is.
    pub backfill: Option<Backfill>,
}

/// One occurrence of one schedule. The same one delivered twice yields one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The schedule, or the id of an EventBridge event.
    pub id: String,
    /// The time it was due.
    pub time: String,
}

/// The keys of an event; `null` counts as not given.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &'static str) -> Result<Option<&str>, InvalidEvent> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => {
                Err(InvalidEvent::new(key, "is empty; leave it out instead"))
            }
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                Err(InvalidEvent::new(key, "holds control characters"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(InvalidEvent::new(
                key,
                format!("must be a string, not {}", kind(other)),
            )),
        }
    }

    fn parsed<T, E: ToString>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, InvalidEvent> {
        self.text(key)?
            .map(|text| parse(text).map_err(|why| InvalidEvent::new(key, why.to_string())))
            .transpose()
    }

    fn id(&self, key: &'static str) -> Result<Option<EntityId>, InvalidEvent> {
        match self.get(key) {
            Some(other) if !other.is_string() => Err(InvalidEvent::new(
                key,
                format!(
                    "must be a string of digits in quotes, e.g. \"900000000000101\", not {}",
                    kind(other)
                ),
            )),
            _ => self.parsed(key, str::parse),
        }
    }

    fn flag(&self, key: &'static str) -> Result<bool, InvalidEvent> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(InvalidEvent::new(
                key,
                format!("must be true or false, not {}", kind(other)),
            )),
        }
    }
}

impl Event {
    /// Reads an invocation's payload. Anything that is no object counts as `{}`.
    pub fn read(payload: &Value, now: Timestamp) -> Result<Self, InvalidEvent> {
        let empty = Map::new();
        let map = payload.as_object().unwrap_or(&empty);
        let fields = Fields(map);
        let event = Self {
            secret_id: fields.text("secret_id")?.map(str::to_owned),
            department_id: fields.id("department_id")?,
            agent_id: fields.id("agent_id")?,
            ticket_id: fields.id("ticket_id")?,
            status: fields.parsed("status", status)?,
            since: fields.parsed("since", moment)?,
            until: fields.parsed("until", moment)?,
            full: fields.flag("full")?,
            format: fields.parsed("format", |text| {
                text.parse::<Format>()
                    .map_err(|_| "is no format; use json, jsonl or jsonl.gz")
            })?,
            route: fields.parsed("route", str::parse)?,
            occurrence: occurrence(map),
            backfill: fields.get("backfill").map(Backfill::read).transpose()?,
        };
        event.check_window(now)?;
        Ok(event)
    }

    fn check_window(&self, now: Timestamp) -> Result<(), InvalidEvent> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if until <= since => Err(InvalidEvent::new(
                "until",
                format!("({until}) must be after `since` ({since})"),
            )),
            (Some(since), _) if since >= now => Err(InvalidEvent::new(
                "since",
                format!("({since}) must be in the past"),
            )),
            _ => Ok(()),
        }
    }
}

/// A status as shown in Zoho Desk.
pub(crate) fn status(text: &str) -> Result<String, String> {
    // A comma would make it two, `${` a status type.
    let fits = text.len() <= 100 && !text.contains([',', '$', '{', '}']);
    fits.then(|| text.trim().to_owned())
        .ok_or_else(|| "must be one status as shown in Zoho Desk, e.g. \"Open\"".to_owned())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let day = || {
        let date: Date = text.parse().ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(midnight.timestamp())
    };
    // A bare date also parses as the date of a longer form, so the exact one comes first.
    let date_only = text.len() == 10;
    let parsed = if date_only { day() } else { text.parse().ok() };
    // The text is not repeated: errors are logged, and people put anything into an event.
    parsed.ok_or_else(|| {
        "is no time; write a UTC time such as \"2026-01-31T09:15:00Z\" or a date such as \"2026-01-31\"".to_owned()
    })
}

/// Our schedules send `{"schedule": {"id": …, "time": …}}`; EventBridge rules send an event of their
/// own shape.
fn occurrence(map: &Map<String, Value>) -> Option<Occurrence> {
    let text = |map: &Map<String, Value>, key: &str| {
        let text = map.get(key)?.as_str()?;
        // An attribute that Scheduler did not fill in says nothing.
        (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
    };
    let schedule = map.get("schedule").and_then(Value::as_object);
    let of = |map: &Map<String, Value>| {
        Some(Occurrence {
            id: text(map, "id")?,
            time: text(map, "time")?,
        })
    };
    match schedule {
        Some(schedule) => of(schedule),
        None if map.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event") => {
            of(map)
        }
        None => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(payload: &Value) -> Result<Event, InvalidEvent> {
        Event::read(payload, "2026-06-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn anything_is_an_event() {
        for payload in [
            json!({}),
            json!(null),
            json!([1]),
            json!("x"),
            json!(5),
            json!({"x": 1}),
        ] {
            assert_eq!(read(&payload), Ok(Event::default()), "{payload}");
        }
    }

    #[test]
    fn a_recognised_key_that_makes_no_sense_is_named() {
        for (key, value) in [
            ("ticket_id", json!(5)),
            ("ticket_id", json!("5x")),
            ("agent_id", json!("")),
            ("department_id", json!(["1"])),
            ("secret_id", json!("  ")),
            ("secret_id", json!({})),
            ("status", json!("Open,Closed")),
            ("status", json!(true)),
            ("since", json!("yesterday-ish")),
            ("since", json!(1_700_000_000)),
            ("since", json!("2027-01-01")),
            ("until", json!("2026-13-01")),
            ("full", json!("true")),
            ("format", json!("xml")),
            ("route", json!("https://evil.example/x")),
        ] {
            let error = read(&json!({key: value})).unwrap_err();
            assert_eq!(error.key, key, "{error}");
            assert!(
                error.to_string().starts_with(&format!("`{key}`")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_window_must_not_end_before_it_begins() {
        let error = read(&json!({"since": "2026-02-01", "until": "2026-01-01"})).unwrap_err();
        assert_eq!(error.key, "until");
    }

    #[test]
    fn times_and_dates_are_read_as_utc() {
        let event =
            read(&json!({"since": "2026-01-01", "until": "2026-01-02T03:04:05.006Z"})).unwrap();
        assert_eq!(event.since, Some("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(
            event.until,
            Some("2026-01-02T03:04:05.006Z".parse().unwrap())
        );
    }

    #[test]
    fn the_occurrence_of_a_schedule_is_recognised_in_both_shapes() {
        let expected = Some(Occurrence {
            id: "tickets".into(),
            time: "2026-01-01T00:00:00Z".into(),
        });
        let ours = json!({"schedule": {"id": "tickets", "time": "2026-01-01T00:00:00Z"}});
        assert_eq!(read(&ours).unwrap().occurrence, expected);
        let rule = json!({"detail-type": "Scheduled Event", "id": "tickets", "time": "2026-01-01T00:00:00Z"});
        assert_eq!(read(&rule).unwrap().occurrence, expected);
        let unfilled =
            json!({"schedule": {"id": "tickets", "time": "<aws.scheduler.scheduled-time>"}});
        assert_eq!(read(&unfilled).unwrap().occurrence, None);
    }
}
