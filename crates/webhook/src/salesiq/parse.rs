use jiff::Timestamp;

use super::{ChatId, Delivery, LIMITS, Visitor, VisitorId, event, flat, zobot};
use crate::json::{self, Node};
use crate::personal::MESSAGE_CHARS;
use crate::{MessageText, PersonName, PhoneNumber, Refusal};

/// Reads a body of any of the three formats, told apart by shape: `handler` is Zobot's, `entity` an
/// event's, `chat_id` the flat one's.
///
/// It trusts its caller that the body is authentic; functions use [`super::Verified::delivery`].
pub fn parse(body: &[u8]) -> Result<Delivery, Refusal> {
    let node: Node = json::parse(LIMITS.text(body)?)?;
    let has = |key| !node.at(&[key]).is_null();
    if has("handler") {
        zobot::read(&node)
    } else if has("entity_type") || has("entity") {
        event::read(&node)
    } else if has("chat_id") {
        flat::read(&node)
    } else {
        Err(Refusal::UnknownShape {
            expected: "send an object with chat_id and message, or have SalesIQ send a Zobot call (handler) or an event (entity_type, event, entity)",
        })
    }
}

/// The message at `path`, if there is one. A number is what some senders make of digits.
pub(super) fn message(node: &Node, path: &[&str]) -> Result<Option<MessageText>, Refusal> {
    match node.at(path).scalar() {
        None => Ok(None),
        Some(text) => MessageText::new(&text)
            .map(Some)
            .ok_or(Refusal::MessageTooLong {
                limit: MESSAGE_CHARS,
            }),
    }
}

/// The chat id at the first of `paths` that holds anything.
pub(super) fn chat_id(node: &Node, paths: &[&[&str]]) -> Result<Option<ChatId>, Refusal> {
    let Some(path) = paths.iter().find(|path| is_given(node.at(path))) else {
        return Ok(None);
    };
    let id = node.at(path).scalar().and_then(|id| id.parse().ok());
    id.map(Some)
        .ok_or_else(|| Refusal::field(path.join("."), IS_AN_ID))
}

pub(super) const IS_AN_ID: &str = "must be 1 to 200 characters of A-Z a-z 0-9 . _ : @ -";

fn is_given(node: &Node) -> bool {
    !node.is_null() && node.as_text() != Some("")
}

/// The names under which a format keeps the visitor's data.
pub(super) struct VisitorFields<'a> {
    pub(super) id: &'a [&'a str],
    pub(super) name: &'a [&'a str],
    pub(super) emails: &'a [&'a [&'a str]],
    pub(super) phone: &'a [&'a str],
    pub(super) languages: &'a [&'a [&'a str]],
}

pub(super) fn visitor(node: &Node, fields: &VisitorFields<'_>) -> Visitor {
    let text = |path: &[&str]| node.at(path).scalar();
    let first = |paths: &[&[&str]], accept: fn(&str) -> bool| {
        let texts = paths.iter().filter_map(|path| node.at(path).as_text());
        texts
            .map(str::trim)
            .find(|text| accept(text))
            .map(str::to_owned)
    };
    Visitor {
        id: text(fields.id).and_then(|id| VisitorId::try_from(id).ok()),
        name: text(fields.name).and_then(|name| PersonName::new(&name)),
        email: first(fields.emails, |text| !text.is_empty()).and_then(|text| text.parse().ok()),
        phone: text(fields.phone).and_then(|phone| PhoneNumber::new(&phone)),
        language: first(fields.languages, is_language_tag),
        email_verified: false,
    }
}

/// The shape of BCP 47, not its registry.
fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let is_language = parts.next().is_some_and(|part| {
        (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.len() <= 35 && is_language && parts.all(is_subtag)
}

/// A name that the vendor gives to a handler or an event, as text to show in logs.
pub(super) fn vendor_name(node: &Node) -> Option<&str> {
    node.as_text().filter(|name| {
        (1..=100).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    })
}

/// RFC 3339 text, or milliseconds or seconds since 1970.
pub(super) fn moment(node: &Node) -> Option<Timestamp> {
    if let Some(number) = node.integer() {
        return crate::desk::moment(i64::try_from(number).ok()?);
    }
    node.as_text()?.trim().parse().ok()
}
