//! Which changes a run asks for: bounds, and the windows between them.

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use crate::config::{Cursor, Place, Stream};
use crate::request::{Blanks, Parameter};

/// One window of a list, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Changes from here on; all if there is none.
    pub(crate) from: Option<Timestamp>,
    /// Changes before; `None` in the last window.
    pub(crate) until: Option<Timestamp>,
}

impl Cursor {
    /// Where a run begins: at the state of the run before, less the lookback, or at `start`.
    pub(crate) fn lower(&self, state: Option<Timestamp>) -> Option<Timestamp> {
        let from = match state {
            Some(state) => state.checked_sub(self.lookback.0).unwrap_or(Timestamp::MIN),
            None => return self.start,
        };
        Some(self.start.map_or(from, |start| from.max(start)))
    }

    /// The window that begins at `from`.
    pub(crate) fn window(&self, from: Option<Timestamp>, run_began: Timestamp) -> Window {
        let step = self.window.map(|window| window.0);
        let until = from.zip(step).and_then(|(from, step)| {
            let end = from.checked_add(step).ok()?;
            // Both sides of a bound must be what the API can be told.
            Some(self.format.floor(end)).filter(|end| *end > from && *end <= run_began)
        });
        Window { from, until }
    }

    /// The parameters of the bounds, and what fills in `{since}` and `{until}`.
    pub(crate) fn bounds(
        &self,
        window: Window,
        run_began: Timestamp,
        blanks: &mut Blanks,
    ) -> Vec<Parameter> {
        let grain = self.format.grain();
        let back = if self.window.is_some() {
            grain
        } else {
            SignedDuration::ZERO
        };
        // One grain wider on both sides: whether the API's bounds are open or closed is not known.
        let since = window
            .from
            .map(|from| from.checked_sub(back).unwrap_or(from));
        let until = window.until.unwrap_or(run_began);
        let until = until.checked_add(grain).unwrap_or(until);
        let whole = Timestamp::UNIX_EPOCH;
        blanks.since = Some(self.format.write(since.unwrap_or(whole)));
        blanks.until = Some(self.format.write(until));
        let parameter = |bound: &Option<(Place, String)>, value: String| {
            let (place, name) = bound.clone()?;
            Some(Parameter {
                place,
                name,
                is_number: value.bytes().all(|byte| byte.is_ascii_digit()),
                value,
            })
        };
        let since = since.and_then(|since| parameter(&self.since, self.format.write(since)));
        let until = parameter(&self.until, self.format.write(until));
        since.into_iter().chain(until).collect()
    }

    /// Whether `row` belongs into `window`. Only where windows overlap at the API, or where it cannot
    /// filter; a row without a readable cursor is kept.
    pub(crate) fn keeps(&self, row: &RawValue, window: Window) -> bool {
        if self.window.is_none() && !self.compare {
            return true;
        }
        let Some(at) = self.changed_at(row) else {
            return true;
        };
        window.from.is_none_or(|from| at >= from) && window.until.is_none_or(|until| at < until)
    }

    pub(crate) fn changed_at(&self, row: &RawValue) -> Option<Timestamp> {
        self.format.read(self.field.of(row)?)
    }
}

impl Stream {
    /// The window that a run reads first.
    pub(crate) fn first_window(&self, state: Option<Timestamp>) -> Option<Timestamp> {
        let cursor = self.cursor.as_ref()?;
        let lower = cursor.lower(state)?;
        Some(match cursor.window {
            Some(_) => cursor.format.floor(lower),
            None => lower,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config;

    fn stream(cursor: &serde_json::Value) -> Stream {
        let whole = json!({"baseUrl": "https://x.test", "streams": [{"name": "s", "path": "/s", "cursor": cursor}]});
        config::read(&whole, &std::collections::BTreeSet::new())
            .unwrap()
            .streams
            .remove(0)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_looks_back_so_that_no_tie_is_lost() {
        let plain = json!({"field": "at", "parameter": "since"});
        let days = json!({"field": "at", "parameter": "since", "format": "date"});
        let far = json!({"field": "at", "parameter": "since", "lookback": "2h", "start": "2026-01-01T00:00:00Z"});
        for (cursor, state, sent) in [
            (&plain, None, None),
            (
                &plain,
                Some("2026-03-01T12:00:00.5Z"),
                Some("2026-03-01T11:59:59Z"),
            ),
            (&days, Some("2026-03-01T12:00:00Z"), Some("2026-02-28")),
            (&far, None, Some("2026-01-01T00:00:00Z")),
            (
                &far,
                Some("2026-03-01T12:00:00Z"),
                Some("2026-03-01T10:00:00Z"),
            ),
            (
                &far,
                Some("2026-01-01T01:00:00Z"),
                Some("2026-01-01T00:00:00Z"),
            ),
        ] {
            let stream = stream(cursor);
            let began = at("2026-04-01T00:00:00Z");
            let cursor = stream.cursor.as_ref().unwrap();
            let window = cursor.window(stream.first_window(state.map(at)), began);
            let parameters = cursor.bounds(window, began, &mut Blanks::default());
            assert_eq!(
                parameters.first().map(|one| one.value.as_str()),
                sent,
                "{state:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn each_row_lies_in_one_window_and_in_what_is_asked_for_it(
            changes in proptest::collection::vec(0_i64..2_000_000_000, 1..40),
            step_s in 10_000_000_i64..900_000_000,
            began_s in 1_900_000_000_i64..2_000_000_000,
            format in prop_oneof![Just("rfc3339"), Just("epoch_ms"), Just("date"), Just("%Y-%m-%d %H:%M")],
            inclusive: bool,
        ) {
            let stream = stream(&json!({
                "field": "at", "format": format, "parameter": "a", "untilParameter": "b",
                "window": format!("{step_s}s"), "start": "1970-01-01T00:00:00Z",
            }));
            let cursor = stream.cursor.as_ref().unwrap();
            let began = Timestamp::from_second(began_s).unwrap();
            let mut times = vec![0; changes.len()];
            let mut from = stream.first_window(None);
            loop {
                let window = cursor.window(from, began);
                let bounds = cursor.bounds(window, began, &mut Blanks::default());
                let bound = |which: usize| {
                    let text = serde_json::to_string(&bounds[which].value).unwrap();
                    cursor.format.read(&RawValue::from_string(text).unwrap()).unwrap()
                };
                let (low, high) = (bound(0), bound(1));
                for (change, times) in changes.iter().zip(&mut times) {
                    let change = Timestamp::from_second(*change).unwrap();
                    let row = json!({"at": cursor.format.write(change)}).to_string();
                    let row = RawValue::from_string(row).unwrap();
                    let written = cursor.changed_at(&row).unwrap();
                    let answered = if inclusive { low <= written && written <= high } else { low < written && written < high };
                    if answered && cursor.keeps(&row, window) {
                        *times += 1;
                    }
                }
                match window.until {
                    Some(until) => from = Some(until),
                    None => break,
                }
            }
            for (change, times) in changes.iter().zip(times) {
                // Changes behind the run's beginning are for the next run.
                prop_assert!(times == 1 || (times == 0 && *change > began_s), "{} {}", change, times);
            }
        }
    }
}
