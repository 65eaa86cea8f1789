//! Payloads of one chat.

use jiff::Timestamp;
use serde_json::{Value, json};

/// In which shape a chat arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Deskbridge's own: `chat_id`, `visitor_…`, `message` side by side.
    Flat,
    /// What SalesIQ posts to a bot.
    Zobot,
}

/// Who chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// SalesIQ's id of the visitor.
    pub id: String,
    /// As typed.
    pub name: Option<String>,
    /// As typed.
    pub email: Option<String>,
    /// As typed.
    pub phone: Option<String>,
    /// E.g. `en`.
    pub language: Option<String>,
    /// Whether the page vouches for the e-mail. Flat only.
    pub email_verified: bool,
}

impl Visitor {
    /// A visitor with a name and an address.
    pub fn named(id: &str, name: &str, email: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: Some(name.to_owned()),
            email: Some(email.to_owned()),
            phone: None,
            language: None,
            email_verified: false,
        }
    }
}

/// One chat; payloads are numbered in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Its id.
    pub id: String,
    /// Who chats.
    pub visitor: Visitor,
    made: u32,
}

impl Chat {
    /// A chat that nothing was said in yet.
    pub fn new(id: &str, visitor: Visitor) -> Self {
        Self {
            id: id.to_owned(),
            visitor,
            made: 0,
        }
    }

    /// Payloads made so far.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// The visitor opens the chat.
    pub fn opened(&mut self, format: Format, now: Timestamp) -> Value {
        match format {
            Format::Flat => self.flat("opened", None, now),
            Format::Zobot => self.zobot("trigger", "chat", json!({})),
        }
    }

    /// The visitor says `text`.
    pub fn says(&mut self, format: Format, text: &str, now: Timestamp) -> Value {
        match format {
            Format::Flat => self.flat("message", Some(text), now),
            Format::Zobot => self.zobot("message", "message", json!({"message": {"text": text}})),
        }
    }

    /// The visitor leaves. SalesIQ tells a bot nothing of that: an event webhook does.
    pub fn ended(&mut self, format: Format, now: Timestamp) -> Value {
        match format {
            Format::Flat => self.flat("ended", None, now),
            Format::Zobot => self.event("conversation.completed", json!({})),
        }
    }

    /// A chat that the bot forwarded found nobody. Zobot.
    pub fn forward_failed(&mut self) -> Value {
        let failed = json!({"failed_response": {"action": "forward"}});
        self.zobot("failure", "failure", failed)
    }

    /// The visitor filled in what the bot asked for as a context. Zobot.
    pub fn context(&mut self, context_id: &str, answers: &Value) -> Value {
        let context = json!({"context_id": context_id, "answers": answers});
        self.zobot("context", "context", context)
    }

    /// The visitor rates the chat: an event webhook.
    pub fn rated(&mut self, stars: u8, comment: Option<&str>) -> Value {
        let rating = json!({"rating": stars, "feedback": {"rating": stars, "message": comment}});
        self.event("conversation.rated", rating)
    }

    /// Any event webhook of this chat; `more` is put into its entity.
    pub fn event(&mut self, name: &str, more: Value) -> Value {
        self.made += 1;
        let visitor = &self.visitor;
        let mut entity = json!({
            "id": self.id,
            "visitor": {
                "id": visitor.id,
                "name": visitor.name,
                "email_id": visitor.email,
                "phone": visitor.phone,
                "type": "visitor",
            },
            "owner": {},
            "department_id": "1",
            "chat_status": {"state_key": "open"},
        });
        merge(&mut entity, more);
        json!({
            "entity_type": "conversation",
            "event": name,
            "entity_id": self.id,
            "org_id": "800000001",
            "app_id": "810000001",
            "attempt": 1,
            "version": "1",
            "entity": entity,
        })
    }

    fn flat(&mut self, event: &str, text: Option<&str>, now: Timestamp) -> Value {
        self.made += 1;
        let visitor = &self.visitor;
        let fields = json!({
            "chat_id": self.id,
            "visitor_id": visitor.id,
            "visitor_name": visitor.name,
            "visitor_email": visitor.email,
            "visitor_phone": visitor.phone,
            "language": visitor.language,
            "visitor_email_verified": visitor.email_verified.then_some(true),
            "message": text,
            "event": (event != "message").then_some(event),
            "message_id": format!("{}-{}", self.id, self.made),
            "sequence": self.made,
            "sent_at": now.to_string(),
        });
        without_nulls(fields)
    }

    fn zobot(&mut self, handler: &str, operation: &str, more: Value) -> Value {
        self.made += 1;
        let visitor = &self.visitor;
        let mut call = json!({
            "handler": handler,
            "operation": operation,
            "visitor": without_nulls(json!({
                "id": visitor.id,
                "name": visitor.name,
                "email": visitor.email,
                "phone": visitor.phone,
                "language": visitor.language,
                "active_conversation_id": self.id,
                "channel": "website",
            })),
            "request": {
                "id": format!("{}-{}", self.id, self.made),
                "conversation_id": self.id,
            },
        });
        merge(&mut call, more);
        call
    }
}

fn merge(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

fn without_nulls(fields: Value) -> Value {
    match fields {
        Value::Object(fields) => {
            let given = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_numbers_what_it_sends_and_keeps_to_its_format() {
        let now: Timestamp = "2026-02-01T10:30:00Z".parse().unwrap();
        let mut chat = Chat::new("c1", Visitor::named("v1", "Ann", "ann@x.test"));
        let flat = chat.says(Format::Flat, "hi", now);
        assert_eq!(
            flat,
            json!({
                "chat_id": "c1", "visitor_id": "v1", "visitor_name": "Ann",
                "visitor_email": "ann@x.test", "message": "hi", "message_id": "c1-1",
                "sequence": 1, "sent_at": "2026-02-01T10:30:00Z",
            })
        );
        let zobot = chat.says(Format::Zobot, "hi", now);
        assert_eq!(zobot["handler"], "message");
        assert_eq!(zobot["visitor"]["active_conversation_id"], "c1");
        assert_eq!(zobot["request"]["id"], "c1-2");
        let rated = chat.rated(5, Some("thanks"));
        assert_eq!(
            (&rated["event"], &rated["entity"]["id"]),
            (&json!("conversation.rated"), &json!("c1"))
        );
    }
}
