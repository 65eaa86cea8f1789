//! Tickets and what hangs on them.

use super::{agent_email, spelling};
use crate::zoho::{
    account::{Account, Ticket, TicketContent, TimeEntry, base, stream, words},
    row::{Iso, Row, Spelling, append},
};

impl Account {
    /// The row of `GET /tickets`, without `modifiedTime`.
    pub(in crate::zoho) fn ticket_row(&self, row: u32) -> String {
        let ticket = self.ticket(row);
        let mut json = Row::new(spelling(ticket.flavour));
        self.ticket_keys(&ticket, &mut json);
        json.finish()
    }

    /// The row of `GET /tickets/search`: the list row and `modifiedTime` behind it.
    pub(in crate::zoho) fn ticket_search_row(&self, row: u32) -> String {
        let mut json = self.ticket_row(row);
        let modified = Iso(self.tickets.modified(row));
        append(&mut json, "modifiedTime", &format!("\"{modified}\""));
        if let Some(content) = self.written_ticket(row) {
            let mut own = Row::new(Spelling::default());
            self.custom_fields_of(content, &mut own);
            // `{"cf":{…}}`, without its braces.
            json.pop();
            json.push(',');
            json.push_str(&own.finish()[1..]);
        }
        json
    }

    /// The answer of `GET /tickets/{id}`.
    pub(in crate::zoho) fn ticket_detail(&self, row: u32) -> String {
        let ticket = self.ticket(row);
        let mut json = Row::new(spelling(ticket.flavour));
        self.ticket_keys(&ticket, &mut json);
        json.time("modifiedTime", self.tickets.modified(row));
        match self.written_ticket(row) {
            Some(content) => {
                json.opt_text("description", content.description.as_deref())
                    .opt_text("classification", content.classification.as_deref())
                    .null("resolution");
                self.custom_fields_of(content, &mut json);
            }
            None => {
                json.text(
                    "description",
                    &format!("<div>{}<br/></div>", ticket.subject),
                )
                .null("resolution")
                .object("cf", |cf| {
                    cf.text("cf_source", ticket.channel).null("cf_chat_id");
                });
            }
        }
        json.flag("isTrashed", false)
            .flag("isDeleted", false)
            .number("tagCount", ticket.flavour % 4)
            .number("approvalCount", u8::from(self.is_to_approve(row)))
            .number("timeEntryCount", ticket.entries);
        json.finish()
    }

    fn ticket_keys(&self, ticket: &Ticket, json: &mut Row) {
        let row = ticket.row;
        let (created, modified) = (self.tickets.created(row), self.tickets.modified(row));
        let since = match self.written_ticket(row) {
            Some(_) => self.status_since(row),
            None => modified,
        };
        let of_type = |kind| (ticket.status.kind == kind).then_some(since);
        let written = self.written_ticket(row);
        let subject = match self.tickets.version(row) {
            0 => ticket.subject.to_string(),
            version => format!("{} (v{})", ticket.subject, version + 1),
        };
        let contact = ticket.contact;
        json.number("id", self.tickets.id(row))
            .number("ticketNumber", 101 + row)
            .text("subject", &subject)
            .text("status", ticket.status.name)
            .text("statusType", ticket.status.kind);
        match ticket.priority {
            Some(priority) => json.text("priority", priority),
            None => json.null("priority"),
        };
        let own = |field: fn(&TicketContent) -> &Option<String>| field(written?).as_deref();
        json.opt_text("category", ticket.category.as_deref())
            .opt_text("subCategory", own(|content| &content.sub_category))
            .text("channel", ticket.channel)
            .null("channelCode")
            .opt_text("email", self.ticket_email(ticket).as_deref())
            .opt_text("phone", own(|content| &content.phone))
            .text("language", ticket.language)
            .null("sentiment")
            .time("createdTime", created)
            .opt_time("dueDate", self.due(ticket))
            .null("responseDueDate")
            .opt_time("closedTime", of_type("Closed"))
            .opt_time("onholdTime", of_type("On Hold"))
            .opt_time("customerResponseTime", self.customer_response(ticket))
            .number("departmentId", Self::department_id(ticket.department))
            .opt_number(
                "contactId",
                contact.map(|contact| self.contacts.id(contact)),
            )
            .opt_number("accountId", self.account_of(contact))
            .opt_number("assigneeId", ticket.assignee.map(Self::agent_id))
            .nulls(&["teamId", "productId"])
            .number("layoutId", base::LAYOUT)
            .number("threadCount", self.thread_times(ticket).len())
            .number("commentCount", self.comment_count(ticket))
            .text(
                "webUrl",
                &format!(
                    "https://desk.zoho.com/support/sim/ShowHomePage.do#Cases/dv/{}",
                    self.tickets.id(row)
                ),
            )
            .flag("isSpam", ticket.flavour.is_multiple_of(97))
            .flag("isArchived", ticket.archived)
            .text("relationshipType", "None");
        if ticket.threads == 0 {
            json.null("lastThread");
        } else {
            json.object("lastThread", |last| {
                last.text("channel", &ticket.channel.to_uppercase())
                    .flag("isDraft", false)
                    .flag("isForward", false)
                    .text("direction", "in");
            });
        }
        json.object("source", |source| {
            source
                .nulls(&["appName", "extId", "permalink", "appPhotoURL"])
                .text("type", "SYSTEM");
        });
    }

    pub(super) fn account_of(&self, contact: Option<u32>) -> Option<u64> {
        let company = self.company_of(contact)?;
        Some(self.accounts.id(company))
    }

    /// The address that answers go to.
    pub(in crate::zoho) fn ticket_email(&self, ticket: &Ticket) -> Option<String> {
        let own = self.written_ticket(ticket.row);
        let own = own.and_then(|content| content.email.clone());
        let of_contact = |contact| Some(self.contact_email(contact));
        own.or_else(|| ticket.contact.and_then(of_contact))
            .filter(|email| !email.is_empty())
    }

    /// A ticket's threads, newest first.
    pub(in crate::zoho) fn thread_rows(&self, row: u32) -> Vec<String> {
        let ticket = self.ticket(row);
        let times = self.thread_times(&ticket);
        let oldest_first = times.iter().enumerate();
        oldest_first
            .rev()
            .map(|(position, &time)| self.thread_row(&ticket, position as u64, time))
            .collect()
    }

    fn thread_row(&self, ticket: &Ticket, position: u64, created: i64) -> String {
        let mut dice = self.dice(stream::THREAD, u64::from(ticket.row) * 1_000 + position);
        let incoming = position.is_multiple_of(2) || ticket.assignee.is_none();
        let address = ticket.contact.map_or_else(
            || "anonymous@customer.test".to_owned(),
            |contact| self.contact_email(contact),
        );
        let mut json = Row::new(spelling(dice.next()));
        json.number(
            "id",
            base::THREAD + u64::from(ticket.row) * 1_000 + position,
        )
        .text("channel", &ticket.channel.to_uppercase())
        .text("direction", if incoming { "in" } else { "out" })
        .text("visibility", "public")
        .text("status", "SUCCESS")
        .flag("isDescriptionThread", position == 0)
        .time("createdTime", created)
        .text("summary", dice.pick(words::SUBJECTS))
        .text("contentType", "text/html")
        .object("author", |author| {
            match (incoming, ticket.assignee, ticket.contact) {
                (false, Some(agent), _) => author
                    .number("id", Self::agent_id(agent))
                    .text("name", &self.agent_name(agent))
                    .text("email", &agent_email(agent))
                    .text("type", "AGENT"),
                (_, _, Some(contact)) => author
                    .number("id", self.contacts.id(contact))
                    .text("name", &self.contact_name(contact).1)
                    .text("email", &address)
                    .text("type", "END_USER"),
                _ => author
                    .null("id")
                    .text("name", "Anonymous")
                    .text("email", &address)
                    .text("type", "END_USER"),
            };
        })
        .flag("hasAttach", false)
        .number("attachmentCount", 0)
        .text(
            "fromEmailAddress",
            if incoming {
                &address
            } else {
                "support@desk.test"
            },
        )
        .text(
            "to",
            if incoming {
                "support@desk.test"
            } else {
                &address
            },
        )
        .nulls(&["cc", "bcc", "replyTo"])
        .flag("isContentTruncated", false)
        .opt_number(
            "responderId",
            (!incoming)
                .then_some(ticket.assignee)
                .flatten()
                .map(Self::agent_id),
        );
        json.finish()
    }

    pub(in crate::zoho) fn time_entry_row(&self, entry: &TimeEntry) -> String {
        let ticket = self.ticket(entry.ticket);
        let mut json = Row::new(spelling(ticket.flavour / 16));
        json.number(
            "id",
            base::ENTRY + u64::from(entry.ticket) * 1_000 + u64::from(entry.position),
        )
        .number("ownerId", Self::agent_id(entry.owner))
        .number("creatorId", Self::agent_id(entry.owner))
        .number("departmentId", Self::department_id(ticket.department))
        .time("executedTime", entry.executed)
        .time("createdTime", entry.created)
        .number("hoursSpent", entry.seconds / 3_600)
        .number("minutesSpent", entry.seconds / 60 % 60)
        .number("secondsSpent", entry.seconds % 60)
        .raw("agentCostPerHour", "20.00")
        .raw("additionalCost", "0.0")
        .null("fixedCost")
        .raw("totalCost", "1.5E1")
        .flag("isBillable", entry.billable)
        .text(
            "billingType",
            match (entry.billable, entry.billed) {
                (true, true) => "Billed",
                (true, false) => "Billable",
                _ => "NonBillable",
            },
        )
        .text("mode", "MANUAL")
        .null("requestChargeType")
        .text("description", &ticket.subject)
        .text("isTrashed", "false")
        .nulls(&["invoiceId", "requestId"])
        .object("parent", |parent| {
            parent
                .number("id", self.tickets.id(entry.ticket))
                .text("type", "tickets")
                .number("ticketNumber", 101 + entry.ticket)
                .text("subject", &ticket.subject)
                .null("associatedTicketId");
        })
        .raw("cf", "{}")
        .raw("layoutDetails", "{\"id\":\"0\",\"layoutName\":null}");
        json.finish()
    }

    pub(in crate::zoho) fn alert_row(&self, row: u32) -> String {
        let ticket = self.ticket(row);
        let mut json = Row::new(spelling(ticket.flavour / 32));
        json.number("ticketId", self.tickets.id(row))
            .number("ticketNumber", 101 + row)
            .text("subject", &ticket.subject)
            .number("threadId", base::THREAD + u64::from(row) * 1_000 + 999)
            .number("departmentId", Self::department_id(ticket.department))
            .text("departmentName", &self.department(ticket.department).name)
            .text("channel", "EMAIL")
            .text("reason", "BOUNCED")
            .text("errorMessage", "550 5.1.1 <user@host>: no such \"user\"");
        match ticket.assignee {
            Some(agent) => json.object("assignee", |assignee| {
                let (first, last, _) = self.agent_names(agent);
                assignee
                    .number("id", Self::agent_id(agent))
                    .text("firstName", first)
                    .text("lastName", last)
                    .text("email", &agent_email(agent))
                    .null("photoURL");
            }),
            None => json.null("assignee"),
        };
        json.finish()
    }

    pub(in crate::zoho) fn rating(&self, row: u32) -> &'static str {
        let mut dice = self.dice(stream::RATING, u64::from(row) + (1 << 40));
        dice.pick(&["GOOD", "GOOD", "OK", "BAD"])
    }

    pub(in crate::zoho) fn rating_row(&self, rated: i64, row: u32) -> String {
        let ticket = self.ticket(row);
        let mut dice = self.dice(stream::RATING, u64::from(row) + (1 << 41));
        let mut json = Row::new(spelling(dice.next()));
        json.number("id", base::RATING + u64::from(row))
            .text("rating", self.rating(row))
            .time("ratedTime", rated);
        if dice.percent(40) {
            json.text("feedback", dice.pick(words::FEEDBACK));
        } else {
            json.null("feedback");
        }
        json.number("ticketId", self.tickets.id(row))
            .opt_number(
                "contactId",
                ticket.contact.map(|contact| self.contacts.id(contact)),
            )
            .opt_number("agentId", ticket.assignee.map(Self::agent_id))
            .number("departmentId", Self::department_id(ticket.department));
        json.finish()
    }

    /// The approval that a ticket waits for.
    pub(in crate::zoho) fn approval_row(&self, row: u32) -> String {
        let ticket = self.ticket(row);
        let mut dice = self.dice(stream::APPROVAL, u64::from(row) + 1);
        let approver = dice.below(u64::from(self.size.agents)) as u32;
        let mut json = Row::new(spelling(dice.next()));
        json.number("id", base::APPROVAL + u64::from(row))
            .text("subject", &format!("Approve: {}", ticket.subject))
            .text("description", dice.pick(words::FEEDBACK))
            .text("status", "Pending")
            .time("requestedTime", self.tickets.created(row))
            .null("processedTime");
        for (key, agent) in [
            ("approver", approver),
            ("requester", ticket.assignee.unwrap_or(0)),
        ] {
            json.object(key, |person| {
                let (first, last, _) = self.agent_names(agent);
                person
                    .number("id", Self::agent_id(agent))
                    .text("firstName", first)
                    .text("lastName", last)
                    .text("email", &agent_email(agent))
                    .null("photoURL");
            });
        }
        json.finish()
    }
}
