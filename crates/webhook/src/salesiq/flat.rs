//! The requirement's payload, with optional fields for senders that can do more.

use super::ids::is_id;
use super::parse::{IS_AN_ID, VisitorFields, chat_id, message, moment, visitor};
use super::{Delivery, Format, Kind};
use crate::Refusal;
use crate::json::Node;

pub(super) fn read(node: &Node) -> Result<Delivery, Refusal> {
    let chat_id =
        chat_id(node, &[&["chat_id"]])?.ok_or_else(|| Refusal::field("chat_id", IS_AN_ID))?;
    let mut visitor = visitor(
        node,
        &VisitorFields {
            id: &["visitor_id"],
            name: &["visitor_name"],
            emails: &[&["visitor_email"]],
            phone: &["visitor_phone"],
            languages: &[&["language"]],
        },
    );
    if !node.at(&["visitor_id"]).is_null() && visitor.id.is_none() {
        return Err(Refusal::field("visitor_id", IS_AN_ID));
    }
    visitor.email_verified =
        visitor.email.is_some() && *node.at(&["visitor_email_verified"]) == Node::Bool(true);
    Ok(Delivery {
        format: Format::Flat,
        chat_id,
        delivery_id: optional(node, "message_id", IS_AN_ID, |id| {
            id.scalar().filter(|id| is_id(id))
        })?,
        sequence: optional(node, "sequence", "must be a whole number from 1", |n| {
            u32::try_from(n.integer()?).ok().filter(|n| *n >= 1)
        })?,
        kind: kind(node)?,
        visitor,
        sent_at: optional(
            node,
            "sent_at",
            "must be a time such as 2025-11-26T16:50:00Z, or milliseconds since 1970",
            moment,
        )?,
    })
}

fn kind(node: &Node) -> Result<Kind, Refusal> {
    let event = node.at(&["event"]);
    match event.as_text() {
        Some("opened") => Ok(Kind::Opened),
        Some("ended") => Ok(Kind::Ended),
        Some("message") => written(node),
        None if event.is_null() => written(node),
        _ => Err(Refusal::field("event", "must be message, opened or ended")),
    }
}

fn written(node: &Node) -> Result<Kind, Refusal> {
    message(node, &["message"])?
        .filter(|message| !message.is_empty())
        .map(Kind::Message)
        .ok_or_else(|| Refusal::field("message", "must be a text that is not empty"))
}

/// A field that may be missing but not wrong.
fn optional<T>(
    node: &Node,
    field: &'static str,
    problem: &'static str,
    read: impl FnOnce(&Node) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    match node.at(&[field]) {
        Node::Null => Ok(None),
        value => read(value)
            .map(Some)
            .ok_or_else(|| Refusal::field(field, problem)),
    }
}
