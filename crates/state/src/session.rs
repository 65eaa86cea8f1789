use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::ChatId;
use crate::json_text;

/// Who chats, as far as known.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// The chat system's id of the visitor.
    pub id: Option<String>,
    /// Full name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be the visitor's.
    #[serde(default)]
    pub email_verified: bool,
    /// Phone number, as given.
    pub phone: Option<String>,
    /// Language tag, such as `de`.
    pub language: Option<String>,
}

/// Whether the visitor agreed to a ticket with their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Yes or no.
    pub given: bool,
    /// When they said so.
    pub at: Timestamp,
}

/// What the visitor thought of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyAnswer {
    /// 1 to 5.
    pub stars: u8,
    /// In their words.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A chat, without its messages.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The chat.
    pub chat_id: ChatId,
    /// Who chats.
    pub visitor: Visitor,
    /// The conversation engine's own state.
    #[serde(with = "json_text")]
    pub conversation: Value,
    /// The number of the next message, from 1.
    pub next_seq: u32,
    /// The last deliveries with their answers, for those that come twice.
    #[serde(default)]
    pub deliveries: RecentDeliveries,
    /// Messages that came before their turn.
    #[serde(default)]
    pub held: HeldMessages,
    /// The sequence number that the next delivery should have, from 1.
    pub expected_sequence: u32,
    /// How many tickets have been due so far.
    pub tickets: u32,
    /// Whether the visitor agreed to a ticket.
    pub consent: Option<Consent>,
    /// When the first delivery came.
    pub created_at: Timestamp,
    /// When it last changed; [`crate::Sessions::commit`] sets it.
    pub updated_at: Timestamp,
    /// When the chat ended.
    pub closed_at: Option<Timestamp>,
    /// What the visitor thought of it.
    pub survey: Option<SurveyAnswer>,
    /// When the visitor's data was erased.
    #[serde(default)]
    pub erased_at: Option<Timestamp>,
    /// Counts commits; 0 before the first.
    #[serde(skip)]
    pub version: u64,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The visitor.
    Visitor,
    /// The bot.
    Bot,
    /// A person of the support team.
    Agent,
    /// This system, about the chat.
    System,
}

/// Something said in a chat.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number in the chat, from 1.
    pub seq: u32,
    /// Who said it.
    pub from: Author,
    /// What was said.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

impl Session {
    /// A chat that starts now.
    pub fn new(chat_id: ChatId, now: Timestamp) -> Self {
        Self {
            chat_id,
            visitor: Visitor::default(),
            conversation: Value::Null,
            next_seq: 1,
            deliveries: RecentDeliveries::default(),
            held: HeldMessages::default(),
            expected_sequence: 1,
            tickets: 0,
            consent: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            survey: None,
            erased_at: None,
            version: 0,
        }
    }

    /// Numbers a message as the next of this chat.
    pub fn message(&mut self, from: Author, text: impl Into<String>, at: Timestamp) -> Message {
        let seq = self.next_seq;
        self.next_seq += 1;
        Message {
            seq,
            from,
            text: text.into(),
            at,
        }
    }

    /// What is left when the visitor's data goes: that the chat was, and how it ended.
    pub(crate) fn anonymous(&self, now: Timestamp) -> Self {
        let survey = self.survey.clone().map(|answer| SurveyAnswer {
            comment: None,
            ..answer
        });
        Self {
            visitor: Visitor::default(),
            conversation: Value::Null,
            deliveries: RecentDeliveries::default(),
            held: HeldMessages::default(),
            closed_at: self.closed_at.or(Some(now)),
            survey,
            erased_at: Some(now),
            ..self.clone()
        }
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Answered {
    id: String,
    #[serde(with = "json_text")]
    answer: Value,
}

/// The answers to the last 50 deliveries, or to as many as fit 48 KiB.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentDeliveries(Vec<Answered>);

impl RecentDeliveries {
    /// Most deliveries that are remembered.
    pub const MOST: usize = 50;
    /// Most bytes of ids and answers together; the newest answer stays however long it is.
    pub const MOST_BYTES: usize = 48 * 1024;

    /// The answer that a delivery got.
    pub fn answer_to(&self, id: &str) -> Option<&Value> {
        let answered = self.0.iter().rev().find(|answered| answered.id == id);
        answered.map(|answered| &answered.answer)
    }

    /// Remembers the answer to a delivery, and forgets the oldest ones beyond the bounds.
    pub fn remember(&mut self, id: impl Into<String>, answer: Value) {
        let id = id.into();
        self.0.retain(|answered| answered.id != id);
        self.0.push(Answered { id, answer });
        let mut bytes = 0;
        let kept = self
            .0
            .iter()
            .rev()
            .take(Self::MOST)
            .take_while(|answered| {
                bytes += answered.id.len() + answered.answer.to_string().len();
                bytes <= Self::MOST_BYTES
            })
            .count()
            .max(1);
        self.0.drain(..self.0.len() - kept);
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Up to 20 deliveries that came before their turn, by sequence number.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeldMessages(BTreeMap<u32, Held>);

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Held(#[serde(with = "json_text")] Value);

impl HeldMessages {
    /// Most deliveries that are held.
    pub const MOST: usize = 20;

    /// Keeps a delivery until its turn; false if there is no room. One that is held under this
    /// number already stays.
    #[must_use]
    pub fn hold(&mut self, sequence: u32, delivery: Value) -> bool {
        if self.0.contains_key(&sequence) {
            return true;
        }
        let room = self.0.len() < Self::MOST;
        if room {
            self.0.insert(sequence, Held(delivery));
        }
        room
    }

    /// Takes out the delivery whose turn it is.
    pub fn take(&mut self, sequence: u32) -> Option<Value> {
        self.0.remove(&sequence).map(|held| held.0)
    }

    /// Takes out the one with the lowest number, to go on without those that never came.
    pub fn take_first(&mut self) -> Option<(u32, Value)> {
        self.0
            .pop_first()
            .map(|(sequence, held)| (sequence, held.0))
    }

    /// The numbers held, ascending.
    pub fn sequences(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("email_verified", &self.email_verified)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SurveyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurveyAnswer")
            .field("stars", &self.stars)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("chat_id", &self.chat_id)
            .field("version", &self.version)
            .field("next_seq", &self.next_seq)
            .field("deliveries", &self.deliveries)
            .field("held", &self.held)
            .field("tickets", &self.tickets)
            .field("closed_at", &self.closed_at)
            .field("erased_at", &self.erased_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("seq", &self.seq)
            .field("from", &self.from)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecentDeliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|answered| &answered.id))
            .finish()
    }
}

impl fmt::Debug for HeldMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_fifty_answers_are_remembered() {
        let mut deliveries = RecentDeliveries::default();
        for n in 0..60 {
            deliveries.remember(format!("d{n}"), json!({ "n": n }));
        }
        assert_eq!(deliveries.len(), RecentDeliveries::MOST);
        assert_eq!(deliveries.answer_to("d9"), None);
        assert_eq!(deliveries.answer_to("d10"), Some(&json!({ "n": 10 })));
        deliveries.remember("d10", json!("again"));
        assert_eq!(deliveries.answer_to("d10"), Some(&json!("again")));
        assert_eq!(deliveries.len(), RecentDeliveries::MOST);
    }

    #[test]
    fn long_answers_push_old_ones_out_but_the_newest_stays() {
        let mut deliveries = RecentDeliveries::default();
        for n in 0..10 {
            deliveries.remember(format!("d{n}"), json!("x".repeat(10_000)));
        }
        assert_eq!(deliveries.len(), 4);
        deliveries.remember("long", json!("x".repeat(100_000)));
        assert_eq!(deliveries.len(), 1);
        assert!(deliveries.answer_to("long").is_some());
    }

    #[test]
    fn early_messages_are_held_up_to_the_bound() {
        let mut held = HeldMessages::default();
        for sequence in (2..22).rev() {
            assert!(held.hold(sequence, json!(sequence)));
        }
        assert!(!held.hold(22, json!(22)), "no room");
        assert!(held.hold(2, json!("twice")), "already there");
        assert_eq!(held.take(1), None);
        assert_eq!(held.take(2), Some(json!(2)));
        assert_eq!(held.take_first(), Some((3, json!(3))));
        assert_eq!(held.len(), 18);
    }

    #[test]
    fn debug_output_names_nobody() {
        let mut session = Session::new(ChatId::parse("c1").unwrap(), Timestamp::UNIX_EPOCH);
        session.visitor.name = Some("Jane SECRET".to_owned());
        session.visitor.email = Some("jane@SECRET.example".to_owned());
        session.conversation = json!("SECRET");
        session.deliveries.remember("d1", json!("SECRET"));
        assert!(session.held.hold(4, json!("SECRET")));
        session.survey = Some(SurveyAnswer {
            stars: 5,
            comment: Some("SECRET".to_owned()),
            at: Timestamp::UNIX_EPOCH,
        });
        let message = session.message(Author::Visitor, "SECRET", Timestamp::UNIX_EPOCH);
        let text = format!(
            "{session:?} {message:?} {:?} {:?}",
            session.visitor, session.survey
        );
        assert!(!text.contains("SECRET"), "{text}");
        assert!(text.contains("c1"));
    }
}
