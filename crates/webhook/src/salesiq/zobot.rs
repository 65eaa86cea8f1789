//! Zobot calls: <https://www.zoho.com/salesiq/help/developer-guides/zobot-webhooks.html>.

use super::ids::recognisable;
use super::parse::{VisitorFields, chat_id, message, moment, vendor_name, visitor};
use super::{Answer, Delivery, Format, Kind};
use crate::json::Node;
use crate::personal::MESSAGE_CHARS;
use crate::{MessageText, Refusal};

/// Forms have a handful of questions.
const MOST_ANSWERS: usize = 50;

pub(super) fn read(node: &Node) -> Result<Delivery, Refusal> {
    let handler = vendor_name(node.at(&["handler"]))
        .ok_or_else(|| Refusal::field("handler", "must be trigger, message, context or failure"))?;
    let visitor = visitor(
        node,
        &VisitorFields {
            id: &["visitor", "id"],
            name: &["visitor", "name"],
            emails: &[&["visitor", "email"], &["visitor", "email_id"]],
            phone: &["visitor", "phone"],
            languages: &[&["visitor", "language"], &["visitor", "language_code"]],
        },
    );
    let conversation = chat_id(
        node,
        &[
            &["visitor", "active_conversation_id"],
            &["request", "conversation_id"],
        ],
    )?;
    // Before the visitor's first word there may be no conversation yet.
    let of_visitor = || format!("visitor:{}", visitor.id.as_ref()?).parse().ok();
    let chat_id = conversation.or_else(of_visitor).ok_or_else(|| {
        Refusal::field(
            "visitor.active_conversation_id",
            "must name the conversation",
        )
    })?;
    let format = if handler == "failure" {
        Format::ZobotFailure
    } else {
        Format::Zobot
    };
    Ok(Delivery {
        format,
        chat_id,
        delivery_id: node.at(&["request", "id"]).scalar().and_then(recognisable),
        sequence: None,
        kind: kind(node, handler)?,
        visitor,
        sent_at: moment(node.at(&["message", "time"])),
    })
}

fn kind(node: &Node, handler: &str) -> Result<Kind, Refusal> {
    Ok(match handler {
        // The first words may come with the call that opens the chat.
        "trigger" => written(node)?
            .filter(|text| !text.is_empty())
            .map_or(Kind::Opened, Kind::Message),
        "message" => Kind::Message(written(node)?.unwrap_or_default()),
        "context" => Kind::Context {
            context_id: node.at(&["context_id"]).scalar().and_then(recognisable),
            answers: answers(node.at(&["answers"]))?,
        },
        "failure" => match node.at(&["failed_response", "action"]) {
            Node::Null => Kind::ForwardFailed,
            action if action.as_text() == Some("forward") => Kind::ForwardFailed,
            _ => Kind::Other("failure".to_owned()),
        },
        other => Kind::Other(other.to_owned()),
    })
}

/// A message without text is a file; the question that opened the chat is only for calls without a
/// message, since it comes with every call.
fn written(node: &Node) -> Result<Option<MessageText>, Refusal> {
    match node.at(&["message"]) {
        Node::Null => message(node, &["visitor", "question"]),
        Node::Object(_) => message(node, &["message", "text"]),
        _ => message(node, &["message"]),
    }
}

/// `{"name": "text"}` or `{"name": {"text": "text"}}`.
fn answers(node: &Node) -> Result<Vec<Answer>, Refusal> {
    let Node::Object(fields) = node else {
        return Ok(Vec::new());
    };
    if fields.len() > MOST_ANSWERS {
        return Err(Refusal::field("answers", "may hold 50 answers"));
    }
    let mut answers = Vec::new();
    for (name, value) in fields {
        let text = ["text", "value"]
            .iter()
            .find_map(|key| value.at(&[key]).scalar())
            .or_else(|| value.scalar());
        let (Some(name), Some(text)) = (recognisable(name.clone()), text) else {
            continue;
        };
        let value = MessageText::new(&text).ok_or(Refusal::MessageTooLong {
            limit: MESSAGE_CHARS,
        })?;
        answers.push(Answer { name, value });
    }
    Ok(answers)
}
