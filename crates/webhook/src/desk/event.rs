use std::fmt;

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::claims::milliseconds;
use super::{EntityKind, EventType};
use crate::Refusal;
use crate::digest::sha256_hex;
use crate::json::{self, Node};

/// One event of a delivery. The payload is kept as the vendor wrote it, and is not to be trusted:
/// the token does not cover the body. `Debug` shows nothing of it.
///
/// It is written and read as the vendor's JSON object, so a queue can carry it.
#[derive(Clone)]
pub struct DeskEvent {
    /// What happened.
    pub event_type: EventType,
    /// The organisation, digits.
    pub org_id: String,
    /// When it happened, by the vendor's clock.
    pub event_time: Timestamp,
    /// What it is about.
    pub entity: EntityKind,
    /// The entity's id; `None` where the payload does not say.
    pub id: Option<String>,
    /// The ticket that the entity is, or belongs to.
    pub ticket_id: Option<String>,
    /// The department's id.
    pub department: Option<String>,
    /// The entity as the vendor shows it; JSON, perhaps over several lines, `null` if there is none.
    pub payload: Box<RawValue>,
    /// The entity before the change, where the subscription asks for it.
    pub prev_state: Option<Box<RawValue>>,
}

/// The vendor's object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    #[serde(default)]
    payload: Option<Box<RawValue>>,
    #[serde(default)]
    event_time: Node,
    #[serde(default)]
    event_type: Node,
    #[serde(default)]
    org_id: Node,
    #[serde(default)]
    prev_state: Option<Box<RawValue>>,
}

impl DeskEvent {
    /// `path` is where the envelope is in the body, for the refusal.
    pub(super) fn read(envelope: Envelope, path: &str) -> Result<Self, Refusal> {
        let wrong = |field: &str, problem| Refusal::field(format!("{path}{field}"), problem);
        let event_type = envelope
            .event_type
            .as_text()
            .and_then(EventType::parse)
            .ok_or_else(|| wrong("eventType", "must be a name such as Ticket_Add"))?;
        let org_id = envelope
            .org_id
            .scalar()
            .filter(|id| is_vendor_id(id))
            .ok_or_else(|| wrong("orgId", "must be the organisation's digits"))?;
        let event_time = envelope
            .event_time
            .integer()
            .and_then(|number| i64::try_from(number).ok())
            .and_then(milliseconds)
            .ok_or_else(|| wrong("eventTime", "must be milliseconds since 1970"))?;
        let payload = envelope
            .payload
            .unwrap_or_else(|| RawValue::NULL.to_owned());
        let node: Node = json::parse(payload.get())?;
        let entity = event_type.entity();
        let id = id_of(&node, entity);
        let ticket_id = match entity {
            EntityKind::Ticket => id.clone(),
            _ if entity.is_of_ticket() => first_id(&node, &[&["ticketId"], &["ticket", "id"]]),
            _ => None,
        };
        Ok(Self {
            entity,
            id,
            ticket_id,
            department: first_id(&node, &[&["departmentId"], &["department", "id"]]),
            event_type,
            org_id,
            event_time,
            payload,
            prev_state: envelope.prev_state,
        })
    }

    /// The same for an event that comes twice: organisation, type, entity and time in milliseconds,
    /// since the vendor gives deliveries no id. An event whose entity is unknown goes by its payload.
    pub fn dedupe_key(&self) -> String {
        let id = self
            .id
            .clone()
            .unwrap_or_else(|| sha256_hex(self.payload.get().as_bytes()));
        format!(
            "{}:{}:{id}:{}",
            self.org_id,
            self.event_type,
            self.event_time.as_millisecond()
        )
    }
}

impl Serialize for DeskEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = 4 + usize::from(self.prev_state.is_some());
        let mut object = serializer.serialize_struct("DeskEvent", fields)?;
        object.serialize_field("payload", &self.payload)?;
        let event_time = self.event_time.as_millisecond().to_string();
        object.serialize_field("eventTime", &event_time)?;
        object.serialize_field("eventType", &self.event_type.to_string())?;
        object.serialize_field("orgId", &self.org_id)?;
        if let Some(prev_state) = &self.prev_state {
            object.serialize_field("prevState", prev_state)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for DeskEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let envelope = Envelope::deserialize(deserializer)?;
        Self::read(envelope, "").map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for DeskEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeskEvent")
            .field("event_type", &self.event_type)
            .field("org_id", &self.org_id)
            .field("event_time", &self.event_time)
            .field("id", &self.id)
            .field("payload_bytes", &self.payload.get().len())
            .finish_non_exhaustive()
    }
}

/// The payload of a delete is not documented: it may be the entity, its id, or hold either.
fn id_of(payload: &Node, entity: EntityKind) -> Option<String> {
    if let Some(id) = payload.scalar() {
        return Some(id).filter(|id| is_vendor_id(id));
    }
    let own = first_id(payload, &[&["id"]]);
    match entity {
        EntityKind::Ticket => {
            own.or_else(|| first_id(payload, &[&["ticketId"], &["ticket", "id"]]))
        }
        EntityKind::Contact => own.or_else(|| first_id(payload, &[&["contactId"]])),
        EntityKind::Account => own.or_else(|| first_id(payload, &[&["accountId"]])),
        _ => own,
    }
}

fn first_id(node: &Node, paths: &[&[&str]]) -> Option<String> {
    let ids = paths.iter().filter_map(|path| node.at(path).scalar());
    ids.into_iter().find(|id| is_vendor_id(id))
}

/// Zoho's ids are digits, at most 19 of them today.
fn is_vendor_id(id: &str) -> bool {
    (1..=30).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}
