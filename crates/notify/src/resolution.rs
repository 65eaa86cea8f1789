use std::str::FromStr;

use serde::Serialize;
use serde::ser::SerializeStruct as _;
use thiserror::Error;

/// How long a ticket of some priority is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolutionTime {
    hours: u32,
}

impl ResolutionTime {
    /// A time of `hours` hours; two days and more are shown in days where they are whole.
    pub fn from_hours(hours: u32) -> Self {
        Self { hours }
    }

    /// The time, hours.
    pub fn hours(self) -> u32 {
        self.hours
    }
}

/// Templates see an amount and a unit, `hours` or `days`, so that each language finds its own words.
impl Serialize for ResolutionTime {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let in_days = self.hours >= 48 && self.hours.is_multiple_of(24);
        let (amount, unit) = if in_days {
            (self.hours / 24, "days")
        } else {
            (self.hours, "hours")
        };
        let mut fields = to.serialize_struct("ResolutionTime", 2)?;
        fields.serialize_field("amount", &amount)?;
        fields.serialize_field("unit", unit)?;
        fields.end()
    }
}

/// The expected resolution time of each priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolutionTimes {
    /// Of priority `Urgent`, hours.
    pub urgent: u32,
    /// Of priority `High`, hours.
    pub high: u32,
    /// Of priority `Medium`, hours.
    pub medium: u32,
    /// Of priority `Low`, hours.
    pub low: u32,
}

impl Default for ResolutionTimes {
    fn default() -> Self {
        Self {
            urgent: 2,
            high: 4,
            medium: 24,
            low: 72,
        }
    }
}

impl ResolutionTimes {
    /// The time of a priority by its name in Zoho Desk, in any case. A priority that is not known
    /// promises the longest time there is.
    pub fn of(&self, priority: &str) -> ResolutionTime {
        let hours = match priority.trim().to_ascii_lowercase().as_str() {
            "urgent" => self.urgent,
            "high" => self.high,
            "medium" => self.medium,
            "low" => self.low,
            _ => self.urgent.max(self.high).max(self.medium).max(self.low),
        };
        ResolutionTime { hours }
    }
}

/// Why a text gives no [`ResolutionTimes`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no resolution time: write hours by priority, as in high=4,medium=24,low=72")]
pub struct InvalidResolutionTimes(String);

impl FromStr for ResolutionTimes {
    type Err = InvalidResolutionTimes;

    /// `high=4,low=72`: whole hours from 1; priorities left out keep their default.
    fn from_str(text: &str) -> Result<Self, InvalidResolutionTimes> {
        let mut times = Self::default();
        for entry in text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let invalid = || InvalidResolutionTimes(entry.to_owned());
            let (priority, hours) = entry.split_once('=').ok_or_else(invalid)?;
            let hours: u32 = hours.trim().parse().map_err(|_| invalid())?;
            if hours == 0 {
                return Err(invalid());
            }
            match priority.trim().to_ascii_lowercase().as_str() {
                "urgent" => times.urgent = hours,
                "high" => times.high = hours,
                "medium" => times.medium = hours,
                "low" => times.low = hours,
                _ => return Err(invalid()),
            }
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_has_its_time_and_an_unknown_one_the_longest() {
        let times: ResolutionTimes = "high=8, LOW=96".parse().unwrap();
        for (priority, hours) in [
            ("High", 8),
            ("medium", 24),
            ("Low", 96),
            ("P3", 96),
            ("", 96),
        ] {
            assert_eq!(times.of(priority).hours(), hours, "{priority}");
        }
    }

    #[test]
    fn a_text_that_gives_no_hours_is_refused() {
        for text in ["high", "high=", "high=0", "high=-1", "highest=1", "high=4h"] {
            assert!(text.parse::<ResolutionTimes>().is_err(), "{text}");
        }
    }

    #[test]
    fn whole_days_are_shown_as_days() {
        for (hours, amount, unit) in [
            (1, 1, "hours"),
            (24, 24, "hours"),
            (48, 2, "days"),
            (50, 50, "hours"),
        ] {
            let shown = serde_json::to_value(ResolutionTime::from_hours(hours)).unwrap();
            assert_eq!(shown, serde_json::json!({"amount": amount, "unit": unit}));
        }
    }
}
