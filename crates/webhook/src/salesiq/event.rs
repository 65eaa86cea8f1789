//! Event webhooks: <https://www.zoho.com/salesiq/help/developer-guides/webhooks.html>.

use super::ids::recognisable;
use super::parse::{IS_AN_ID, VisitorFields, chat_id, message, moment, vendor_name, visitor};
use super::{ChatId, Delivery, Format, Kind};
use crate::json::Node;
use crate::{MessageText, Refusal};

/// When it happened, best first.
const TIMES: [&[&str]; 6] = [
    &["entity", "message", "time"],
    &["entity", "message", "sent_time"],
    &["event_time"],
    &["time"],
    &["entity", "modified_time"],
    &["entity", "end_time"],
];
const MESSAGE_IDS: [&[&str]; 2] = [
    &["entity", "message", "id"],
    &["entity", "message", "message_id"],
];

pub(super) fn read(node: &Node) -> Result<Delivery, Refusal> {
    let event = vendor_name(node.at(&["event"])).ok_or_else(|| {
        Refusal::field("event", "must name the event, such as conversation.rated")
    })?;
    let entity = chat_id(node, &[&["entity", "id"], &["entity_id"]])?
        .ok_or_else(|| Refusal::field("entity.id", IS_AN_ID))?;
    let visitor = visitor(
        node,
        &VisitorFields {
            id: &["entity", "visitor", "id"],
            name: &["entity", "visitor", "name"],
            emails: &[
                &["entity", "visitor", "email_id"],
                &["entity", "visitor", "email"],
            ],
            phone: &["entity", "visitor", "phone"],
            languages: &[&["entity", "visitor", "language"]],
        },
    );
    // `attempt` counts the sendings of one delivery, so it is no part of its id.
    let mark = MESSAGE_IDS
        .iter()
        .chain(&TIMES)
        .find_map(|path| node.at(path).scalar().filter(|mark| !mark.is_empty()));
    let delivery_id = mark.and_then(|mark| recognisable(format!("{entity}:{event}:{mark}")));
    Ok(Delivery {
        format: Format::Event,
        chat_id: chat_of(node, entity)?,
        delivery_id,
        sequence: None,
        kind: kind(node, event)?,
        visitor,
        sent_at: TIMES.iter().find_map(|path| moment(node.at(path))),
    })
}

/// Ids of other entities are kept apart from those of chats.
fn chat_of(node: &Node, entity: ChatId) -> Result<ChatId, Refusal> {
    let wrong = || Refusal::field("entity_type", "must name the entity, such as conversation");
    match node.at(&["entity_type"]) {
        Node::Null => Ok(entity),
        kind => match vendor_name(kind).ok_or_else(wrong)? {
            "conversation" => Ok(entity),
            other => format!("{other}:{entity}").parse().map_err(|_| wrong()),
        },
    }
}

fn kind(node: &Node, event: &str) -> Result<Kind, Refusal> {
    let other = || Kind::Other(event.to_owned());
    Ok(match event {
        "conversation.created" => message(node, &["entity", "question"])?
            .filter(|question| !question.is_empty())
            .map_or(Kind::Opened, Kind::Message),
        "conversation.visitor.replied" => {
            let text = match message(node, &["entity", "message", "text"])? {
                None => message(node, &["entity", "message"])?,
                text => text,
            };
            Kind::Message(text.unwrap_or_default())
        }
        "conversation.completed" | "conversation.missed" => Kind::Ended,
        "conversation.rated" => rated(node).unwrap_or_else(other),
        _ => other(),
    })
}

/// The vendor does not document where the rating is; a rating that is not found is another event.
fn rated(node: &Node) -> Option<Kind> {
    let numbers: [&[&str]; 5] = [
        &["entity", "rating"],
        &["entity", "rating", "value"],
        &["entity", "rating", "rating"],
        &["entity", "feedback", "rating"],
        &["rating"],
    ];
    let comments: [&[&str]; 5] = [
        &["entity", "feedback"],
        &["entity", "feedback", "message"],
        &["entity", "feedback", "comment"],
        &["entity", "rating", "comment"],
        &["entity", "comment"],
    ];
    let number = numbers.iter().find_map(|path| node.at(path).integer())?;
    let stars = u8::try_from(number).ok().filter(|n| (1..=5).contains(n))?;
    let comment = comments
        .iter()
        .find_map(|path| node.at(path).as_text())
        .map(|text| text.chars().take(crate::personal::MESSAGE_CHARS).collect())
        .and_then(|text: String| MessageText::new(&text))
        .filter(|comment| !comment.is_empty());
    Some(Kind::Rated { stars, comment })
}
