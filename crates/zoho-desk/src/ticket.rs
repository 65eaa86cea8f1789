//! Tickets: made, read, changed.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::contact::{ContactRef, Problems};
use crate::desk::Param;
use crate::exchange::Request;
use crate::field::status_type;
use crate::{Description, Desk, EntityId, Error, StatusType, Subject};

const CUSTOM_FIELD: usize = 255;
const PICKLIST: usize = 120;
const ROWS: u32 = 100;
/// The last page of a list that may be asked for starts here.
const LAST_FROM: u32 = 4_900;

/// A ticket, as far as the ticket service reads it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Its id, 17 to 19 digits.
    pub id: EntityId,
    /// The number that people know it by, e.g. `1042`.
    #[serde(deserialize_with = "text_or_number")]
    pub ticket_number: String,
    /// Its page for agents.
    #[serde(default)]
    pub web_url: Option<String>,
    /// As the account calls it.
    #[serde(default)]
    pub status: Option<String>,
    /// What the status means.
    #[serde(default, deserialize_with = "status_type")]
    pub status_type: Option<StatusType>,
    /// E.g. `High`.
    #[serde(default)]
    pub priority: Option<String>,
    /// One line.
    #[serde(default)]
    pub subject: Option<String>,
    /// The address that answers go to.
    #[serde(default)]
    pub email: Option<String>,
    /// Whom it is from.
    #[serde(default)]
    pub contact_id: Option<EntityId>,
    /// Who works on it.
    #[serde(default)]
    pub department_id: Option<EntityId>,
    /// The agent who works on it.
    #[serde(default)]
    pub assignee_id: Option<EntityId>,
    /// When it was made.
    #[serde(default)]
    pub created_time: Option<Timestamp>,
    /// When it was last changed. Lists do not say.
    #[serde(default)]
    pub modified_time: Option<Timestamp>,
    /// When it was closed, if it is.
    #[serde(default)]
    pub closed_time: Option<Timestamp>,
    /// Whether it is in the recycle bin. Lists do not say.
    #[serde(default, deserialize_with = "flag")]
    pub is_trashed: bool,
    /// Custom fields that have a value, by API name. Lists do not say.
    #[serde(default, deserialize_with = "filled")]
    pub cf: BTreeMap<String, String>,
}

/// A ticket to be made.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTicket {
    /// Who is to work on it.
    pub department_id: EntityId,
    /// Whom it is from.
    #[serde(flatten)]
    pub contact: ContactRef,
    /// One line.
    pub subject: Subject,
    /// HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// The account's default if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `Low`, `Medium`, `High`, or what the account has instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// E.g. `Chat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// E.g. `Infrastructure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// E.g. `Request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// The address that answers go to, at most 150 characters; the contact's if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// At most 120 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The agent who is to work on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<EntityId>,
    /// Custom fields by API name (`cf_…`), at most 255 characters each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cf: BTreeMap<String, String>,
}

impl NewTicket {
    /// The least that a ticket needs.
    pub fn new(department_id: EntityId, contact: ContactRef, subject: Subject) -> Self {
        Self {
            department_id,
            contact,
            subject,
            description: None,
            status: None,
            priority: None,
            channel: None,
            category: None,
            classification: None,
            email: None,
            phone: None,
            assignee_id: None,
            cf: BTreeMap::new(),
        }
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let mut problems = match &self.contact {
            ContactRef::Id(_) => Problems::default(),
            ContactRef::New(contact) => Problems(contact.problems("/contact")),
        };
        problems.email_and_phone(self.email.as_deref(), self.phone.as_deref());
        for (name, text) in [
            ("/status", &self.status),
            ("/priority", &self.priority),
            ("/channel", &self.channel),
            ("/category", &self.category),
            ("/classification", &self.classification),
        ] {
            problems.longest(name, text.as_deref(), PICKLIST);
        }
        check_custom_fields(&mut problems, &self.cf);
        problems.none_in(path)
    }
}

/// What is to become different about a ticket; `None` stays as it is.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketChange {
    /// One of the account's statuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// One of the account's priorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// E.g. `Infrastructure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The agent who is to work on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<EntityId>,
    /// Custom fields by API name; an empty text clears one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cf: BTreeMap<String, String>,
}

impl TicketChange {
    /// Another status, and nothing else.
    pub fn status(status: impl Into<String>) -> Self {
        Self {
            status: Some(status.into()),
            ..Self::default()
        }
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let mut problems = Problems::default();
        for (name, text) in [
            ("/status", &self.status),
            ("/priority", &self.priority),
            ("/category", &self.category),
        ] {
            problems.longest(name, text.as_deref(), PICKLIST);
        }
        check_custom_fields(&mut problems, &self.cf);
        problems.none_in(path)
    }
}

fn check_custom_fields(problems: &mut Problems, cf: &BTreeMap<String, String>) {
    for (name, value) in cf {
        if !name.starts_with("cf_") {
            problems.add(format!("/cf/{name}"), "not the API name of a custom field");
        }
        problems.longest(format!("/cf/{name}"), Some(value), CUSTOM_FIELD);
    }
}

impl Desk {
    /// Makes a ticket. Sent once, since the vendor knows no idempotency key: where
    /// [`Error::may_have_happened`], look for the ticket before sending it again.
    pub async fn create_ticket(&self, ticket: &NewTicket) -> Result<Ticket, Error> {
        ticket.check("POST /tickets")?;
        self.record(&Request::create("/tickets", ticket)?).await
    }

    /// Reads a ticket, its custom fields included. [`Error::NotFound`] where it is deleted for good.
    pub async fn ticket(&self, id: &EntityId) -> Result<Ticket, Error> {
        self.record(&Request::get(&format!("/tickets/{id}"), &[]))
            .await
    }

    /// Changes a ticket and returns it as it is then. Repeatable.
    pub async fn update_ticket(
        &self,
        id: &EntityId,
        change: &TicketChange,
    ) -> Result<Ticket, Error> {
        let path = format!("/tickets/{id}");
        change.check(&format!("PATCH {path}"))?;
        // The vendor refuses an empty change.
        if *change == TicketChange::default() {
            return self.ticket(id).await;
        }
        self.record(&Request::update(&path, change)?).await
    }

    /// The contact's tickets made at or after `since` (the vendor's time: leave a margin for clocks
    /// that differ), newest first, each read by its id, so that custom fields are there. Unlike a
    /// search, this sees a ticket as soon as it is made.
    pub async fn contact_tickets(
        &self,
        contact: &EntityId,
        since: Timestamp,
    ) -> Result<Vec<Ticket>, Error> {
        let ids = match self.contact_ticket_ids(contact, since, true).await {
            // Not every account's API sorts this list; then all of it is read.
            Err(Error::Refused { status: 422, .. }) => {
                self.contact_ticket_ids(contact, since, false).await
            }
            ids => ids,
        }?;
        let mut tickets = Vec::with_capacity(ids.len());
        for id in ids {
            match self.ticket(&id).await {
                Ok(ticket) => tickets.push(ticket),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(tickets)
    }

    async fn contact_ticket_ids(
        &self,
        contact: &EntityId,
        since: Timestamp,
        newest_first: bool,
    ) -> Result<Vec<EntityId>, Error> {
        let path = format!("/contacts/{contact}/tickets");
        let mut ids = Vec::new();
        for from in (0..=LAST_FROM).step_by(ROWS as usize) {
            let mut query: Vec<Param<'_>> = vec![
                ("limit", ROWS.to_string().into()),
                ("from", from.to_string().into()),
            ];
            if newest_first {
                query.push(("sortBy", "-createdTime".into()));
            }
            let rows = self.page(&path, &query).await?.rows;
            let is_recent = |created: Option<Timestamp>| created.is_none_or(|at| at >= since);
            let recent = rows.iter().filter(|row| is_recent(row.created));
            for id in recent.filter_map(|row| row.id.as_ref()) {
                if !ids.contains(id) {
                    ids.push(id.clone());
                }
            }
            let sorted = newest_first && rows.is_sorted_by(|a, b| a.created >= b.created);
            let passed = sorted && rows.last().is_some_and(|row| !is_recent(row.created));
            if passed || rows.len() < ROWS as usize {
                break;
            }
        }
        Ok(ids)
    }
}

/// Numbers come as texts, and now and then as numbers.
fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("neither a text nor a number")),
    }
}

/// Flags come as flags, and now and then as texts.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Bool(flag) => flag,
        Value::String(text) => text == "true",
        _ => false,
    })
}

fn filled<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let fields = Option::<BTreeMap<String, Value>>::deserialize(from)?;
    let text = |value| match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let fields = fields.unwrap_or_default().into_iter();
    Ok(fields
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect())
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("id", &self.id)
            .field("status_type", &self.status_type)
            .field("created_time", &self.created_time)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTicket")
            .field("department_id", &self.department_id)
            .field("contact", &self.contact)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TicketChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketChange")
            .field("status", &self.status)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewContact;

    fn new_ticket() -> NewTicket {
        NewTicket::new(
            "900000000000007".parse().unwrap(),
            ContactRef::New(NewContact::named(Some("Ann Lee"), Some("ann@x.test"))),
            Subject::cut("Broken mug"),
        )
    }

    #[test]
    fn a_ticket_names_its_contact_in_one_of_two_ways() {
        let new = serde_json::to_value(new_ticket()).unwrap();
        assert_eq!(
            new,
            serde_json::json!({
                "departmentId": "900000000000007",
                "contact": {"firstName": "Ann", "lastName": "Lee", "email": "ann@x.test"},
                "subject": "Broken mug",
            })
        );
        let known = NewTicket {
            contact: ContactRef::Id("900000000000055".parse().unwrap()),
            ..new_ticket()
        };
        let known = serde_json::to_value(known).unwrap();
        assert_eq!(known["contactId"], "900000000000055");
        assert!(known.get("contact").is_none());
    }

    #[test]
    fn odd_spellings_of_a_ticket_are_read() {
        let ticket: Ticket = serde_json::from_str(
            r#"{"id":"1","ticketNumber":42,"isTrashed":"true","statusType":"ON_HOLD",
                "cf":{"cf_a":"x","cf_b":null,"cf_c":"","cf_d":12.5,"cf_e":true}}"#,
        )
        .unwrap();
        assert_eq!(ticket.ticket_number, "42");
        assert!(ticket.is_trashed);
        assert_eq!(ticket.status_type, Some(StatusType::OnHold));
        let cf: Vec<_> = ticket
            .cf
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(cf, [("cf_a", "x"), ("cf_d", "12.5"), ("cf_e", "true")]);
    }

    #[test]
    fn what_the_vendor_would_refuse_is_named_before_it_is_sent() {
        let mut ticket = NewTicket {
            email: Some("a".repeat(151)),
            category: Some("x".repeat(121)),
            ..new_ticket()
        };
        ticket.cf.insert("chat_id".to_owned(), "x".repeat(256));
        let Err(Error::Invalid { fields, .. }) = ticket.check("POST /tickets") else {
            panic!("accepted");
        };
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["/email", "/category", "/cf/chat_id", "/cf/chat_id"]);
    }
}
