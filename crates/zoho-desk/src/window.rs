use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The time field that a search filters and sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    /// `createdTime`: never changes, so windows over it partition an account for good.
    Created,
    /// `modifiedTime`: a row that changes leaves every past window.
    Modified,
}

impl TimeField {
    pub(crate) fn range_key(self) -> &'static str {
        match self {
            Self::Created => "createdTimeRange",
            Self::Modified => "modifiedTimeRange",
        }
    }

    pub(crate) fn sort_key(self) -> &'static str {
        match self {
            Self::Created => "createdTime",
            Self::Modified => "modifiedTime",
        }
    }

    pub(crate) fn of(self, row: &crate::Row) -> Option<Timestamp> {
        match self {
            Self::Created => row.created,
            Self::Modified => row.modified,
        }
    }
}

/// A half-open span of time `[start, end)` in whole milliseconds, the vendor's precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    start: i64,
    end: i64,
}

/// Before the first Zoho Desk account.
const DAWN: i64 = 946_684_800_000; // 2000-01-01T00:00:00Z

impl Window {
    /// `[start, end)`; `None` when it would be empty.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        let (start, end) = (start.as_millisecond(), end.as_millisecond());
        (start < end).then_some(Self { start, end })
    }

    /// Everything up to `end`.
    pub fn until(end: Timestamp) -> Self {
        let end = end.as_millisecond();
        Self {
            start: DAWN.min(end - 1),
            end,
        }
    }

    /// First moment inside.
    pub fn start(&self) -> Timestamp {
        timestamp(self.start)
    }

    /// First moment after.
    pub fn end(&self) -> Timestamp {
        timestamp(self.end)
    }

    pub(crate) fn contains(&self, at: Timestamp) -> bool {
        (self.start..self.end).contains(&at.as_millisecond())
    }

    /// The vendor's `a,b`. One millisecond wider on both sides, because whether its bounds are
    /// inclusive is not documented; [`Window::contains`] settles which window a row belongs to.
    pub(crate) fn padded_iso(&self) -> String {
        format!("{},{}", iso(self.start - 1), iso(self.end))
    }

    /// The same bounds as epoch milliseconds.
    pub(crate) fn padded_millis(&self) -> (String, String) {
        ((self.start - 1).to_string(), self.end.to_string())
    }

    /// At most `parts` windows of equal width that partition this one, earliest first. A window of
    /// one millisecond cannot be split: `None`.
    pub fn split(&self, parts: u64) -> Option<Vec<Self>> {
        let width = self.end - self.start;
        let parts = i64::try_from(parts)
            .unwrap_or(i64::MAX)
            .clamp(2, 64)
            .min(width);
        if parts < 2 {
            return None;
        }
        let edge = |n: i64| self.start + width / parts * n + (width % parts) * n / parts;
        Some(
            (0..parts)
                .map(|n| Self {
                    start: edge(n),
                    end: edge(n + 1),
                })
                .collect(),
        )
    }

    /// The part from `at` on; `None` when that is nothing.
    pub(crate) fn from(&self, at: Timestamp) -> Option<Self> {
        let start = at.as_millisecond().max(self.start);
        (start < self.end).then_some(Self {
            start,
            end: self.end,
        })
    }

    /// The first millisecond, the one after it, whose search shows the first one's rows too, and
    /// the rest; `None` for a single millisecond.
    pub(crate) fn first_milliseconds(&self) -> Option<Vec<Self>> {
        let (first, rest) = self.cut(timestamp(self.start + 1))?;
        Some(match rest.cut(timestamp(self.start + 2)) {
            Some((second, rest)) => vec![first, second, rest],
            None => vec![first, rest],
        })
    }

    /// The part before `at` and the part from `at` on; `None` when one would be empty.
    pub fn cut(&self, at: Timestamp) -> Option<(Self, Self)> {
        let at = at.as_millisecond();
        (self.start < at && at < self.end).then_some((
            Self {
                start: self.start,
                end: at,
            },
            Self {
                start: at,
                end: self.end,
            },
        ))
    }
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

fn iso(millis: i64) -> String {
    format!("{:.3}", timestamp(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_written_as_the_vendor_asks() {
        let window = Window::new(
            "2026-01-01T00:00:00Z".parse().unwrap(),
            "2026-01-02T00:00:00.5Z".parse().unwrap(),
        )
        .unwrap();
        assert_eq!(
            window.padded_iso(),
            "2025-12-31T23:59:59.999Z,2026-01-02T00:00:00.500Z"
        );
    }

    proptest! {
        #[test]
        fn parts_cover_the_window_without_overlap(start in 0_i64..4_000_000_000_000, width in 1_i64..2_000_000_000_000, parts in 0_u64..100) {
            let window = Window { start, end: start + width };
            match window.split(parts) {
                None => prop_assert_eq!(width, 1),
                Some(split) => {
                    prop_assert_eq!(split[0].start, window.start);
                    prop_assert_eq!(split[split.len() - 1].end, window.end);
                    prop_assert!(split.windows(2).all(|pair| pair[0].end == pair[1].start));
                    prop_assert!(split.iter().all(|part| part.start < part.end));
                    prop_assert!(split.len() >= 2);
                }
            }
        }
    }
}
