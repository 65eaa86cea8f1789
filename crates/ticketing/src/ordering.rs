use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use state::Session;

use crate::Error;

/// How long a message waits for the ones before it.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);
/// Most messages that wait; one more, and the gap before them is given up.
const MOST_HELD: usize = 10;
/// Most gaps that are remembered for late messages.
const MOST_GAPS: usize = 64;

/// Puts numbered messages of one chat into order. What comes too early waits until the gap before
/// it is filled or given up; what comes after its gap was given up is still processed, late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ordering<T> {
    /// The number that is due.
    next: u32,
    /// Gaps that were given up: first and last number.
    missed: Vec<(u32, u32)>,
    /// By number.
    held: Vec<Held<T>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held<T> {
    #[serde(skip)]
    sequence: u32,
    since: Timestamp,
    item: T,
}

/// What a numbered message leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival<T> {
    /// It came before; nothing changes.
    Seen,
    /// It waits. Others may have been given up on and are due now.
    Held(Vec<T>),
    /// It is due, together with those it made due, in order.
    Due(Vec<T>),
}

impl<T: Serialize + DeserializeOwned> Ordering<T> {
    /// Takes the order out of a session; the gaps given up are kept beside it.
    pub(crate) fn load(session: &mut Session, missed: &[(u32, u32)]) -> Result<Self, Error> {
        let mut held = Vec::new();
        while let Some((sequence, value)) = session.held.take_first() {
            let read: Held<T> = serde_json::from_value(value)
                .map_err(|error| Error::stored("held message", &error))?;
            held.push(Held { sequence, ..read });
        }
        Ok(Self {
            next: session.expected_sequence.max(1),
            missed: missed.to_vec(),
            held,
        })
    }

    /// Puts the order back into its session, and gives the gaps to be kept beside it.
    pub(crate) fn store(self, session: &mut Session) -> Result<Vec<(u32, u32)>, Error> {
        session.expected_sequence = self.next;
        for held in &self.held {
            let value = serde_json::to_value(held)
                .map_err(|error| Error::stored("held message", &error))?;
            // There is room: fewer are held here than a session holds.
            let _ = session.held.hold(held.sequence, value);
        }
        Ok(self.missed)
    }
}

impl<T> Default for Ordering<T> {
    fn default() -> Self {
        Self {
            next: 1,
            missed: Vec::new(),
            held: Vec::new(),
        }
    }
}

impl<T> Ordering<T> {
    /// Message `sequence`, from 1 and below the highest number there is, comes at `now`.
    pub(crate) fn arrive(&mut self, sequence: u32, item: T, now: Timestamp) -> Arrival<T> {
        if sequence < self.next {
            if !self.take_missed(sequence) {
                return Arrival::Seen;
            }
            let mut due = vec![item];
            due.extend(self.overdue(now));
            return Arrival::Due(due);
        }
        let place = self
            .held
            .binary_search_by_key(&sequence, |held| held.sequence);
        let Err(at) = place else {
            return Arrival::Seen;
        };
        let since = now;
        self.held.insert(
            at,
            Held {
                sequence,
                since,
                item,
            },
        );
        let due = self.overdue(now);
        if sequence < self.next {
            Arrival::Due(due)
        } else {
            Arrival::Held(due)
        }
    }

    /// Takes what waits no longer at `now`.
    pub(crate) fn overdue(&mut self, now: Timestamp) -> Vec<T> {
        let waited = |held: &Held<T>| now.duration_since(held.since) >= PATIENCE;
        let given_up = self.held.iter().rposition(waited).map_or(0, |at| at + 1);
        self.release(given_up.max(self.held.len().saturating_sub(MOST_HELD)))
    }

    /// Takes all that waits.
    pub(crate) fn flush(&mut self) -> Vec<T> {
        self.release(self.held.len())
    }

    /// Whether this message waits.
    pub(crate) fn is_holding(&self, sequence: u32) -> bool {
        self.held.iter().any(|held| held.sequence == sequence)
    }

    /// Takes the first `count` whatever is missing before them, and what follows without a gap.
    fn release(&mut self, count: usize) -> Vec<T> {
        let mut end = 0;
        let mut next = self.next;
        for held in &self.held {
            if held.sequence != next && end >= count {
                break;
            }
            if held.sequence != next {
                self.missed.push((next, held.sequence - 1));
            }
            next = held.sequence.saturating_add(1);
            end += 1;
        }
        self.next = next;
        let forgotten = self.missed.len().saturating_sub(MOST_GAPS);
        self.missed.drain(..forgotten);
        self.held.drain(..end).map(|held| held.item).collect()
    }

    fn take_missed(&mut self, sequence: u32) -> bool {
        let gap = |&(first, last): &(u32, u32)| first <= sequence && sequence <= last;
        let Some(at) = self.missed.iter().position(gap) else {
            return false;
        };
        let (first, last) = self.missed.remove(at);
        if sequence < last {
            self.missed.insert(at, (sequence + 1, last));
        }
        if first < sequence {
            self.missed.insert(at, (first, sequence - 1));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn due(arrival: Arrival<u32>) -> Vec<u32> {
        match arrival {
            Arrival::Seen => Vec::new(),
            Arrival::Held(due) | Arrival::Due(due) => due,
        }
    }

    #[test]
    fn early_messages_wait_until_the_gap_is_filled() {
        let mut order = Ordering::default();
        assert_eq!(order.arrive(3, 3, at(0)), Arrival::Held(vec![]));
        assert_eq!(order.arrive(2, 2, at(1)), Arrival::Held(vec![]));
        assert!(order.is_holding(3));
        assert_eq!(order.arrive(3, 3, at(2)), Arrival::Seen);
        assert_eq!(order.arrive(1, 1, at(3)), Arrival::Due(vec![1, 2, 3]));
        assert_eq!(order.arrive(2, 2, at(4)), Arrival::Seen);
        assert_eq!(order.arrive(4, 4, at(5)), Arrival::Due(vec![4]));
        assert!(!order.is_holding(3));
    }

    #[test]
    fn a_gap_is_given_up_after_thirty_seconds_and_its_message_still_counts() {
        let mut order = Ordering::default();
        assert_eq!(order.arrive(1, 1, at(0)), Arrival::Due(vec![1]));
        assert_eq!(order.arrive(3, 3, at(0)), Arrival::Held(vec![]));
        assert_eq!(order.arrive(6, 6, at(20)), Arrival::Held(vec![]));
        assert!(order.overdue(at(29)).is_empty());
        assert_eq!(order.arrive(7, 7, at(30)), Arrival::Held(vec![3]));
        assert_eq!(order.arrive(2, 2, at(31)), Arrival::Due(vec![2]));
        assert_eq!(order.arrive(2, 2, at(32)), Arrival::Seen);
        assert_eq!(order.flush(), vec![6, 7]);
        assert_eq!(order.arrive(5, 5, at(33)), Arrival::Due(vec![5]));
        assert_eq!(order.arrive(4, 4, at(33)), Arrival::Due(vec![4]));
    }

    #[test]
    fn an_order_is_kept_with_its_session() {
        let chat = state::ChatId::parse("c1").unwrap();
        let mut session = Session::new(chat, at(0));
        let mut order = Ordering::default();
        assert_eq!(order.arrive(3, 3, at(0)), Arrival::Held(vec![]));
        assert_eq!(order.arrive(4, 4, at(30)), Arrival::Due(vec![3, 4]));
        assert_eq!(order.arrive(6, 6, at(31)), Arrival::Held(vec![]));
        let missed = order.clone().store(&mut session).unwrap();
        assert_eq!(missed, [(1, 2)]);
        assert_eq!(session.expected_sequence, 5);
        let back = Ordering::load(&mut session, &missed).unwrap();
        assert_eq!(back, order);
        assert!(session.held.is_empty());
    }

    #[test]
    fn a_hostile_number_holds_nothing_up_for_long() {
        let mut order = Ordering::default();
        assert_eq!(order.arrive(u32::MAX - 1, 9, at(0)), Arrival::Held(vec![]));
        assert_eq!(order.arrive(1, 1, at(1)), Arrival::Due(vec![1]));
        assert_eq!(order.overdue(at(30)), vec![9]);
        assert_eq!(order.arrive(2, 2, at(31)), Arrival::Due(vec![2]));
        assert_eq!(order.arrive(u32::MAX - 1, 9, at(32)), Arrival::Seen);
    }

    #[test]
    fn waiting_messages_are_bounded() {
        let mut order = Ordering::default();
        let mut out = Vec::new();
        const { assert!(MOST_HELD < state::HeldMessages::MOST) };
        for sequence in 2..60 {
            out.extend(due(order.arrive(sequence, sequence, at(0))));
            assert!(order.held.len() <= MOST_HELD);
        }
        assert_eq!(out, (2..60).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn every_message_comes_out_once_whatever_order_they_come_in(
            (numbers, gaps) in (1_u32..30).prop_flat_map(|most| {
                let once: Vec<u32> = (1..=most).collect();
                let twice = [once.clone(), once].concat();
                let waits = proptest::collection::vec(0_i64..20, twice.len());
                (Just(twice).prop_shuffle(), waits)
            }),
        ) {
            let mut order = Ordering::default();
            let mut out = Vec::new();
            let mut now = 0;
            for (number, wait) in numbers.iter().zip(gaps) {
                now += wait;
                out.extend(due(order.arrive(*number, *number, at(now))));
            }
            out.extend(order.flush());
            out.sort_unstable();
            let most = *numbers.iter().max().unwrap();
            prop_assert_eq!(out, (1..=most).collect::<Vec<_>>());
        }

        #[test]
        fn without_delays_the_order_is_the_senders(
            numbers in (1..=MOST_HELD as u32).prop_flat_map(|most| Just((1..=most).collect::<Vec<u32>>()).prop_shuffle()),
        ) {
            let mut order = Ordering::default();
            let mut out = Vec::new();
            for number in &numbers {
                out.extend(due(order.arrive(*number, *number, at(0))));
            }
            prop_assert_eq!(out, (1..=numbers.len() as u32).collect::<Vec<_>>());
        }
    }
}
