//! Tickets made, changed, closed and put into the bin; comments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Content, Given, Request, contacts};
use crate::zoho::{
    account::{
        Account, CHANNELS, CommentContent, ContactContent, PRIORITIES, STATUSES, Status,
        TicketContent,
    },
    refusal::Refusal,
    row::append,
    webhooks::Event,
};

/// Longest text of a picklist's value or a short field.
const SHORT: usize = 120;

/// Whom a new ticket is from.
enum From {
    Known(u32),
    New(ContactContent),
}

fn status(name: &str) -> Option<Status> {
    let mut all = STATUSES.iter();
    all.find(|status| status.name == name).copied()
}

fn one_of(names: &'static [&'static str]) -> impl Fn(&str) -> Option<&'static str> {
    move |name| names.iter().find(|known| **known == name).copied()
}

/// Custom fields that are given, those to be cleared with an empty text.
fn custom_fields(content: &mut Content, account: &Account) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    for key in ["cf", "customFields"] {
        let Some(mut fields) = content.object(key) else {
            continue;
        };
        for name in fields.names() {
            if !account.has_custom_field(&name) {
                let _ = fields.take(&name);
                fields.invalid(&name);
                continue;
            }
            match fields.text(&name, 255) {
                Given::Is(value) => given.insert(name, value),
                Given::Cleared => given.insert(name, String::new()),
                Given::Absent => None,
            };
        }
        content.absorb(fields);
    }
    given
}

/// The fields that a new ticket and a change have in common.
fn common(content: &mut Content, account: &Account, ticket: &mut TicketContent) {
    content
        .text("description", 65_535)
        .replace(&mut ticket.description);
    content.choice("status", status).set(&mut ticket.status);
    content
        .choice("priority", one_of(PRIORITIES))
        .replace(&mut ticket.priority);
    content
        .choice("channel", one_of(CHANNELS))
        .set(&mut ticket.channel);
    content
        .text("category", SHORT)
        .replace(&mut ticket.category);
    content
        .text("subCategory", SHORT)
        .replace(&mut ticket.sub_category);
    content
        .text("classification", SHORT)
        .replace(&mut ticket.classification);
    content.email("email").replace(&mut ticket.email);
    content.text("phone", SHORT).replace(&mut ticket.phone);
    content
        .id("assigneeId", |id| account.find_agent(id))
        .replace(&mut ticket.assignee);
    for (name, value) in custom_fields(content, account) {
        if value.is_empty() {
            ticket.cf.remove(&name);
        } else {
            ticket.cf.insert(name, value);
        }
    }
}

fn from(content: &mut Content, account: &Account) -> Option<From> {
    if content.has("contactId") {
        let known = content.id("contactId", |id| account.contacts().find(id));
        return known.value().map(From::Known);
    }
    if !content.has("contact") {
        content.missing("contactId");
        return None;
    }
    let mut part = content.object("contact")?;
    let contact = contacts::contact(&mut part);
    if contact.email.is_none() && !contact.last_name.is_empty() {
        part.missing("email");
    }
    content.absorb(part);
    let email = contact.email.as_deref()?;
    Some(match account.find_contact_by_email(email) {
        Some(row) => From::Known(row),
        None => From::New(contact),
    })
}

impl Request<'_> {
    pub(super) fn make_ticket(&self) -> Result<String, Refusal> {
        let mut content = Content::parse(&self.body)?;
        let at_ms = self.state.now_ms();
        let mut account = self.state.account_mut();
        let subject = content.needed_text("subject", 1_000);
        let has_department = content.has("departmentId");
        let department = content.id("departmentId", |id| account.find_department(id));
        if !has_department {
            content.missing("departmentId");
        }
        let mut ticket = TicketContent::new(department.value().unwrap_or(0), subject);
        let from = from(&mut content, &account);
        common(&mut content, &account, &mut ticket);
        content.finish()?;
        ticket.contact = from.map(|from| match from {
            From::Known(row) => row,
            From::New(contact) => {
                let row = account.make_contact(contact, at_ms);
                self.tell(contacts::contact_event(&account, row, at_ms));
                row
            }
        });
        let row = account.make_ticket(ticket, at_ms);
        self.tell(ticket_event(&account, "Ticket_Add", row, at_ms));
        Ok(account.ticket_detail(row))
    }

    pub(super) fn change_ticket(&self) -> Result<String, Refusal> {
        let mut content = Content::parse(&self.body)?;
        let fields = content.names();
        let at_ms = self.state.now_ms();
        let mut account = self.state.account_mut();
        let mut ticket = account.ticket_content(self.row);
        if content.has("subject") {
            ticket.subject = content.needed_text("subject", 1_000);
        }
        content
            .id("departmentId", |id| account.find_department(id))
            .set(&mut ticket.department);
        content
            .id("contactId", |id| account.contacts().find(id))
            .replace(&mut ticket.contact);
        common(&mut content, &account, &mut ticket);
        content.finish()?;
        self.write(&mut account, (self.row, ticket), fields, at_ms);
        Ok(account.ticket_detail(self.row))
    }

    fn write(
        &self,
        account: &mut Account,
        (row, ticket): (u32, TicketContent),
        fields: Vec<String>,
        at_ms: i64,
    ) {
        let before = account.ticket_detail(row);
        account.change_ticket(row, ticket, at_ms);
        let event = ticket_event(account, "Ticket_Update", row, at_ms);
        self.tell(Event {
            fields,
            before: Some(before),
            ..event
        });
    }

    pub(super) fn close_tickets(&self) -> Result<String, Refusal> {
        let mut content = Content::parse(&self.body)?;
        let ids = ids(&mut content, "ids");
        content.finish()?;
        let at_ms = self.state.now_ms();
        let mut account = self.state.account_mut();
        let closed = STATUSES.iter().find(|status| status.kind == "Closed");
        let results: Vec<Value> = ids
            .iter()
            .map(|id| {
                let row = id.parse().ok().and_then(|id| account.tickets().find(id));
                let found = row.zip(closed).map(|(row, closed)| {
                    let ticket = TicketContent {
                        status: *closed,
                        ..account.ticket_content(row)
                    };
                    let fields = vec!["status".to_owned()];
                    self.write(&mut account, (row, ticket), fields, at_ms);
                });
                json!({ "id": id, "success": found.is_some(), "errors": null })
            })
            .collect();
        Ok(json!({ "results": results }).to_string())
    }

    pub(super) fn trash_tickets(&self) -> Result<(), Refusal> {
        let mut content = Content::parse(&self.body)?;
        let ids = ids(&mut content, "ticketIds");
        let at_ms = self.state.now_ms();
        let mut account = self.state.account_mut();
        let tickets = ids
            .iter()
            .map(|id| account.tickets().find(id.parse().ok()?));
        let tickets: Option<Vec<u32>> = tickets.collect();
        if tickets.is_none() {
            content.invalid("ticketIds");
        }
        content.finish()?;
        for row in tickets.unwrap_or_default() {
            let event = deleted_event(&account, row, at_ms);
            account.trash_ticket(row);
            self.tell(event);
        }
        Ok(())
    }

    pub(super) fn add_comment(&self) -> Result<String, Refusal> {
        let mut content = Content::parse(&self.body)?;
        let text = content.needed_text("content", 32_000);
        let content_type = content.choice("contentType", one_of(&["plainText", "html"]));
        let is_public = content.flag("isPublic");
        let _ = content.take("attachmentIds");
        content.finish()?;
        let at_ms = self.state.now_ms();
        let mut account = self.state.account_mut();
        let comment = CommentContent {
            content: text,
            content_type: content_type.value().unwrap_or("html"),
            is_public: is_public.value().unwrap_or(false),
        };
        let position = account.add_comment(self.row, comment, at_ms);
        let row = account.comment_row(self.row, position);
        let row = row.ok_or_else(Refusal::internal)?;
        let ticket = account.tickets().id(self.row);
        let mut payload = row.clone();
        append(&mut payload, "ticketId", &format!("\"{ticket}\""));
        let event = Event::new("Ticket_Comment_Add", payload, at_ms);
        self.tell(Event {
            department: Some(department(&account, self.row)),
            ..event
        });
        Ok(row)
    }
}

fn ids(content: &mut Content, name: &str) -> Vec<String> {
    match content.take(name) {
        Some(Value::Array(ids)) if (1..=100).contains(&ids.len()) => {
            let ids = ids.iter();
            ids.map(|id| match id {
                Value::String(id) => id.clone(),
                other => other.to_string(),
            })
            .collect()
        }
        Some(_) => {
            content.invalid(name);
            Vec::new()
        }
        None => {
            content.missing(name);
            Vec::new()
        }
    }
}

fn department(account: &Account, row: u32) -> u64 {
    Account::department_id(account.ticket(row).department)
}

/// The whole ticket, its contact and its first thread, as the vendor delivers it.
pub(in crate::zoho) fn ticket_event(
    account: &Account,
    event_type: &'static str,
    row: u32,
    at_ms: i64,
) -> Event {
    let mut payload = account.ticket_detail(row);
    let contact = account.ticket(row).contact;
    let contact = contact.map(|contact| account.contact_row(contact));
    append(
        &mut payload,
        "contact",
        contact.as_deref().unwrap_or("null"),
    );
    let first_thread = account.thread_rows(row).pop();
    append(
        &mut payload,
        "firstThread",
        first_thread.as_deref().unwrap_or("null"),
    );
    Event {
        department: Some(department(account, row)),
        ..Event::new(event_type, payload, at_ms)
    }
}

/// To be made before the ticket is gone.
pub(in crate::zoho) fn deleted_event(account: &Account, row: u32, at_ms: i64) -> Event {
    let (id, department) = (account.tickets().id(row), department(account, row));
    let payload = Account::remains(id, Some(department), at_ms);
    Event {
        department: Some(department),
        ..Event::new("Ticket_Delete", payload, at_ms)
    }
}
