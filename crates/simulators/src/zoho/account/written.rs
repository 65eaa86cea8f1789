//! What was written through the API. It lies over what the seed decides.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Account, Order, STATUSES, Status, Ticket, base, words};
use crate::zoho::row::{Iso, Row, Spelling};

/// A ticket's own content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::zoho) struct TicketContent {
    pub(in crate::zoho) department: u32,
    pub(in crate::zoho) contact: Option<u32>,
    pub(in crate::zoho) assignee: Option<u32>,
    pub(in crate::zoho) subject: String,
    pub(in crate::zoho) description: Option<String>,
    pub(in crate::zoho) status: Status,
    pub(in crate::zoho) priority: Option<&'static str>,
    pub(in crate::zoho) channel: &'static str,
    pub(in crate::zoho) category: Option<String>,
    pub(in crate::zoho) sub_category: Option<String>,
    pub(in crate::zoho) classification: Option<String>,
    pub(in crate::zoho) email: Option<String>,
    pub(in crate::zoho) phone: Option<String>,
    pub(in crate::zoho) cf: BTreeMap<String, String>,
}

impl TicketContent {
    /// What a ticket has when nothing is said.
    pub(in crate::zoho) fn new(department: u32, subject: String) -> Self {
        Self {
            department,
            contact: None,
            assignee: None,
            subject,
            description: None,
            status: STATUSES[0],
            priority: None,
            channel: words::CHANNELS[1],
            category: None,
            sub_category: None,
            classification: None,
            email: None,
            phone: None,
            cf: BTreeMap::new(),
        }
    }
}

/// A ticket that was made or changed through the API.
#[derive(Debug)]
pub(super) struct WrittenTicket {
    content: TicketContent,
    /// Whether it was made through the API, not by the seed.
    made: bool,
    /// When it got its status, epoch ms.
    status_since: i64,
}

/// A contact's own content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::zoho) struct ContactContent {
    pub(in crate::zoho) first_name: Option<String>,
    pub(in crate::zoho) last_name: String,
    pub(in crate::zoho) email: Option<String>,
    pub(in crate::zoho) phone: Option<String>,
}

/// A comment added through the API.
#[derive(Debug, Clone)]
pub(in crate::zoho) struct CommentContent {
    pub(in crate::zoho) content: String,
    /// `plainText` or `html`.
    pub(in crate::zoho) content_type: &'static str,
    pub(in crate::zoho) is_public: bool,
}

#[derive(Debug)]
pub(super) struct WrittenComment {
    content: CommentContent,
    at_ms: i64,
}

/// The names of ticket priorities and channels.
pub(in crate::zoho) const PRIORITIES: &[&str] = words::PRIORITIES;
pub(in crate::zoho) const CHANNELS: &[&str] = words::CHANNELS;

impl WrittenTicket {
    /// `generated` with what was written in place of what the seed decided.
    pub(super) fn over(&self, generated: &Ticket) -> Ticket {
        let content = &self.content;
        let written = Ticket {
            status: content.status,
            department: content.department,
            contact: content.contact,
            assignee: content.assignee,
            priority: content.priority,
            channel: content.channel,
            category: content.category.clone().map(Cow::Owned),
            subject: Cow::Owned(content.subject.clone()),
            ..generated.clone()
        };
        if !self.made {
            return written;
        }
        Ticket {
            language: words::LANGUAGES[0],
            archived: false,
            response_hours: None,
            threads: 1,
            comments: 0,
            entries: 0,
            // Neither spam nor tagged.
            flavour: 4,
            ..written
        }
    }
}

impl Account {
    pub(in crate::zoho) fn make_ticket(&mut self, content: TicketContent, at_ms: i64) -> u32 {
        let row = self.tickets.create(at_ms);
        self.statuses.insert(row, content.status);
        let written = WrittenTicket {
            content,
            made: true,
            status_since: at_ms,
        };
        self.written_tickets.insert(row, written);
        row
    }

    /// What a ticket holds now, for a change to start from.
    pub(in crate::zoho) fn ticket_content(&self, row: u32) -> TicketContent {
        let ticket = self.ticket(row);
        if let Some(written) = self.written_tickets.get(&row) {
            return TicketContent {
                // An admin's change of status lies over what was written.
                status: ticket.status,
                ..written.content.clone()
            };
        }
        TicketContent {
            department: ticket.department,
            contact: ticket.contact,
            assignee: ticket.assignee,
            description: Some(format!("<div>{}<br/></div>", ticket.subject)),
            subject: ticket.subject.into_owned(),
            status: ticket.status,
            priority: ticket.priority,
            channel: ticket.channel,
            category: ticket.category.map(Cow::into_owned),
            sub_category: None,
            classification: None,
            email: ticket.contact.map(|contact| self.contact_email(contact)),
            phone: None,
            cf: BTreeMap::from([("cf_source".to_owned(), ticket.channel.to_owned())]),
        }
    }

    pub(in crate::zoho) fn change_ticket(&mut self, row: u32, content: TicketContent, at_ms: i64) {
        let before = self.ticket(row).status;
        let written = self.written_tickets.get(&row);
        let made = written.is_some_and(|written| written.made);
        let status_since = match written {
            Some(written) if before == content.status => written.status_since,
            None if before == content.status => self.tickets.modified(row),
            _ => at_ms,
        };
        self.tickets.touch(row, at_ms);
        self.statuses.insert(row, content.status);
        let written = WrittenTicket {
            content,
            made,
            status_since,
        };
        self.written_tickets.insert(row, written);
    }

    pub(in crate::zoho) fn trash_ticket(&mut self, row: u32) {
        self.tickets.delete(row);
    }

    /// When a ticket got its status.
    pub(super) fn status_since(&self, row: u32) -> i64 {
        let written = self.written_tickets.get(&row);
        let is_current = |written: &&WrittenTicket| {
            let now = self.statuses.get(&row);
            now.is_none_or(|status| *status == written.content.status)
        };
        written.filter(is_current).map_or_else(
            || self.tickets.modified(row),
            |written| written.status_since,
        )
    }

    pub(super) fn written_ticket(&self, row: u32) -> Option<&TicketContent> {
        self.written_tickets
            .get(&row)
            .map(|written| &written.content)
    }

    /// Custom fields as a ticket's row shows them: every one that the portal has.
    pub(super) fn custom_fields_of(&self, content: &TicketContent, json: &mut Row) {
        json.object("cf", |cf| {
            for name in &self.custom_fields {
                match content.cf.get(name) {
                    Some(value) => cf.text(name, value),
                    None => cf.null(name),
                };
            }
        });
    }

    pub(in crate::zoho) fn custom_field(&self, row: u32, name: &str) -> Option<String> {
        self.written_ticket(row)?.cf.get(name).cloned()
    }

    pub(in crate::zoho) fn has_custom_field(&self, name: &str) -> bool {
        self.custom_fields.iter().any(|known| known == name)
    }

    pub(in crate::zoho) fn custom_field_names(&self) -> &[String] {
        &self.custom_fields
    }

    /// Live tickets that were made or changed through the API, oldest first.
    pub(in crate::zoho) fn written_ticket_rows(&self) -> Vec<u32> {
        let live = self.tickets.live(Order::Created).iter().copied();
        live.filter(|row| {
            self.written_tickets.contains_key(row) || self.written_comments.contains_key(row)
        })
        .collect()
    }

    /// Live contacts that were made through the API, oldest first.
    pub(in crate::zoho) fn written_contact_rows(&self) -> Vec<u32> {
        let live = self.contacts.live(Order::Created).iter().copied();
        live.filter(|row| self.written_contacts.contains_key(row))
            .collect()
    }

    pub(in crate::zoho) fn make_contact(&mut self, content: ContactContent, at_ms: i64) -> u32 {
        let row = self.contacts.create(at_ms);
        self.written_contacts.insert(row, content);
        row
    }

    pub(super) fn written_contact(&self, row: u32) -> Option<&ContactContent> {
        self.written_contacts.get(&row)
    }

    /// The live contact with this address, in any case.
    pub(in crate::zoho) fn find_contact_by_email(&self, email: &str) -> Option<u32> {
        let email = email.to_lowercase();
        let generated = email
            .strip_prefix("person")
            .and_then(|rest| rest.strip_suffix("@customer.test"))
            .and_then(|number| number.parse().ok())
            .filter(|row| !self.written_contacts.contains_key(row));
        let has = |content: &ContactContent| {
            let own = content.email.as_deref().unwrap_or_default();
            own.to_lowercase() == email
        };
        let mut written = self.written_contacts.iter();
        generated
            .or_else(|| {
                written
                    .find(|(_, content)| has(content))
                    .map(|(row, _)| *row)
            })
            .filter(|row| self.contacts.is_live(*row))
            .filter(|row| self.contact_email(*row).to_lowercase() == email)
    }

    /// Adds a comment and returns its position among the ticket's.
    pub(in crate::zoho) fn add_comment(
        &mut self,
        ticket: u32,
        content: CommentContent,
        at_ms: i64,
    ) -> usize {
        let generated = self.ticket(ticket).comments as usize;
        let comments = self.written_comments.entry(ticket).or_default();
        comments.push(WrittenComment { content, at_ms });
        generated + comments.len() - 1
    }

    pub(super) fn comment_count(&self, ticket: &Ticket) -> usize {
        let written = self.written_comments.get(&ticket.row);
        ticket.comments as usize + written.map_or(0, Vec::len)
    }

    /// A ticket's comments, oldest first.
    pub(in crate::zoho) fn comment_rows(&self, ticket: u32) -> Vec<String> {
        let count = self.comment_count(&self.ticket(ticket));
        (0..count)
            .filter_map(|position| self.comment_row(ticket, position))
            .collect()
    }

    pub(in crate::zoho) fn comment_row(&self, row: u32, position: usize) -> Option<String> {
        let ticket = self.ticket(row);
        let generated = ticket.comments as usize;
        let (content, at_ms) = if position < generated {
            let content = CommentContent {
                content: words::FEEDBACK[position % words::FEEDBACK.len()].to_owned(),
                content_type: "plainText",
                is_public: position.is_multiple_of(2),
            };
            (
                content,
                self.tickets.created(row) + i64::try_from(position).unwrap_or(0),
            )
        } else {
            let written = self.written_comments.get(&row)?.get(position - generated)?;
            (written.content.clone(), written.at_ms)
        };
        let agent = ticket.assignee.unwrap_or(0);
        let mut json = Row::new(Spelling::default());
        json.number(
            "id",
            base::COMMENT + u64::from(row) * 10_000 + position as u64,
        )
        .text("content", &content.content)
        .text("contentType", content.content_type)
        .flag("isPublic", content.is_public)
        .time("commentedTime", at_ms)
        .null("modifiedTime")
        .number("commenterId", Self::agent_id(agent))
        .object("commenter", |commenter| {
            commenter
                .text("name", &self.agent_name(agent))
                .text("type", "AGENT");
        })
        .raw("attachments", "[]");
        Some(json.finish())
    }

    /// Live tickets of one contact, oldest first.
    pub(in crate::zoho) fn tickets_of_contact(&self, contact: u32) -> Vec<u32> {
        let live = self.tickets.live(Order::Created).iter().copied();
        live.filter(|&row| self.ticket(row).contact == Some(contact))
            .collect()
    }

    /// What an event of a deleted row tells.
    pub(in crate::zoho) fn remains(id: u64, department: Option<u64>, at_ms: i64) -> String {
        let mut json = Row::new(Spelling::default());
        json.number("id", id)
            .opt_number("departmentId", department)
            .number("deletedTime", Iso(at_ms));
        json.finish()
    }
}
