use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::DeskEvent;
use super::event::Envelope;
use crate::Refusal;
use crate::json::{self, Limits};

const LIMITS: Limits = Limits {
    bytes: 1024 * 1024,
    nesting: 64,
};
const MOST_EVENTS: usize = 100;

/// What Zoho Desk posts.
#[derive(Debug)]
pub enum Posted {
    /// No body, or `{}`: Zoho tries whether the URL answers. It is not signed; answer 200.
    Validation,
    /// Events, oldest first inside one module. Act on them only after the token is verified.
    Events(Vec<DeskEvent>),
}

/// Reads a body of at most 1 MiB and 100 events.
pub fn parse(body: &[u8]) -> Result<Posted, Refusal> {
    let text = LIMITS.text(body)?.trim();
    if text.is_empty() || is_empty_object(text) {
        return Ok(Posted::Validation);
    }
    if !text.starts_with('[') {
        json::parse::<IgnoredAny>(text)?;
        return Err(unknown());
    }
    // Element by element, so that an element of another shape is told from text that is not JSON.
    let elements: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| Refusal::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
    if elements.len() > MOST_EVENTS {
        return Err(Refusal::TooManyEvents { limit: MOST_EVENTS });
    }
    let event = |(index, element): (usize, &&RawValue)| {
        if !element.get().starts_with('{') {
            return Err(unknown());
        }
        let envelope: Envelope = serde_json::from_str(element.get()).map_err(|_| unknown())?;
        DeskEvent::read(envelope, &format!("[{index}]."))
    };
    elements
        .iter()
        .enumerate()
        .map(event)
        .collect::<Result<_, _>>()
        .map(Posted::Events)
}

fn is_empty_object(text: &str) -> bool {
    text.strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|inside| inside.trim().is_empty())
}

fn unknown() -> Refusal {
    Refusal::UnknownShape {
        expected: "Zoho Desk posts a list of objects with payload, eventTime, eventType and orgId",
    }
}
