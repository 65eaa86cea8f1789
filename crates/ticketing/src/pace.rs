use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const MINUTE: i64 = 60;

/// How much a chat said in its last minute (of the clock). It lies in the session, whose version
/// makes it exact whichever processes the deliveries reach, and costs no write of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pace {
    minute: i64,
    deliveries: u32,
}

impl Pace {
    /// One more at `now`, at most `limit` of them in each minute; or how long to wait.
    pub(crate) fn next(
        last: Option<Self>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Self, SignedDuration> {
        let minute = now.as_second().div_euclid(MINUTE);
        let before = last.filter(|pace| pace.minute == minute);
        let deliveries = before.map_or(0, |pace| pace.deliveries);
        if deliveries >= limit {
            let left = MINUTE - now.as_second().rem_euclid(MINUTE);
            return Err(SignedDuration::from_secs(left));
        }
        Ok(Self {
            minute,
            deliveries: deliveries + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_lets_so_many_pass_and_says_when_the_next_begins() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = Pace::next(None, 2, at(130)).unwrap();
        let second = Pace::next(Some(first), 2, at(140)).unwrap();
        let refused = Pace::next(Some(second), 2, at(145));
        assert_eq!(refused, Err(SignedDuration::from_secs(35)));
        assert!(Pace::next(Some(second), 3, at(145)).is_ok());
        let later = Pace::next(Some(second), 2, at(180)).unwrap();
        assert_eq!(later.deliveries, 1);
        assert!(Pace::next(None, 0, at(0)).is_err());
    }
}
