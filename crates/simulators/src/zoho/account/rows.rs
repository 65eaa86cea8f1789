//! The JSON of every row kind.

use super::{Account, Ticket, TimeEntry, base, stream, words};
use crate::zoho::row::{Iso, Row, Spelling, append};

const DAY_MS: i64 = 86_400_000;

/// What filters ask about an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zoho) enum AgentStatus {
    Active,
    Disabled,
}

/// What filters ask about a department.
#[derive(Debug, Clone)]
pub(in crate::zoho) struct Department {
    pub(in crate::zoho) name: String,
    pub(in crate::zoho) enabled: bool,
    pub(in crate::zoho) chat: bool,
    created: i64,
}

/// One tag of a department.
#[derive(Debug, Clone, Copy)]
pub(in crate::zoho) struct Tag {
    department: u32,
    position: u32,
    pub(in crate::zoho) created: i64,
    pub(in crate::zoho) tickets: u64,
}

fn spelling(flavour: u64) -> Spelling {
    Spelling {
        escape_unicode: flavour.is_multiple_of(4),
        escape_slash: flavour.is_multiple_of(3),
    }
}

/// Ids of the row kinds whose times nobody searches by.
impl Account {
    pub(in crate::zoho) fn agent_id(agent: u32) -> u64 {
        base::AGENT + u64::from(agent) * 1_000 + 1
    }

    pub(in crate::zoho) fn department_id(department: u32) -> u64 {
        base::DEPARTMENT + u64::from(department) * 1_000 + 7
    }

    pub(in crate::zoho) fn find_agent(&self, id: u64) -> Option<u32> {
        let agent = u32::try_from(id.checked_sub(base::AGENT)? / 1_000).ok()?;
        (agent < self.size.agents && Self::agent_id(agent) == id).then_some(agent)
    }

    pub(in crate::zoho) fn find_department(&self, id: u64) -> Option<u32> {
        let department = u32::try_from(id.checked_sub(base::DEPARTMENT)? / 1_000).ok()?;
        (department < self.size.departments && Self::department_id(department) == id)
            .then_some(department)
    }

    pub(in crate::zoho) fn agents(&self) -> std::ops::Range<u32> {
        0..self.size.agents
    }

    pub(in crate::zoho) fn departments(&self) -> std::ops::Range<u32> {
        0..self.size.departments
    }
}

/// Tickets and what hangs on them.
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
        json
    }

    /// The answer of `GET /tickets/{id}`.
    pub(in crate::zoho) fn ticket_detail(&self, row: u32) -> String {
        let ticket = self.ticket(row);
        let mut json = Row::new(spelling(ticket.flavour));
        self.ticket_keys(&ticket, &mut json);
        json.time("modifiedTime", self.tickets.modified(row))
            .text(
                "description",
                &format!("<div>{}<br/></div>", ticket.subject),
            )
            .null("resolution")
            .object("cf", |cf| {
                cf.text("cf_source", ticket.channel).null("cf_chat_id");
            })
            .flag("isTrashed", false)
            .flag("isDeleted", false)
            .number("tagCount", ticket.flavour % 4)
            .number("approvalCount", u8::from(self.is_to_approve(row)))
            .number("timeEntryCount", ticket.entries);
        json.finish()
    }

    fn ticket_keys(&self, ticket: &Ticket, json: &mut Row) {
        let row = ticket.row;
        let (created, modified) = (self.tickets.created(row), self.tickets.modified(row));
        let of_type = |kind| (ticket.status.kind == kind).then_some(modified);
        let subject = match self.tickets.version(row) {
            0 => ticket.subject.to_owned(),
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
        match ticket.category {
            Some(category) => json.text("category", category),
            None => json.null("category"),
        };
        json.null("subCategory")
            .text("channel", ticket.channel)
            .null("channelCode");
        match contact {
            Some(contact) => json.text("email", &contact_email(contact)),
            None => json.null("email"),
        };
        json.null("phone")
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
            .number("commentCount", ticket.comments)
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

    fn account_of(&self, contact: Option<u32>) -> Option<u64> {
        let accounts = self.size.accounts;
        contact?
            .checked_rem(accounts)
            .map(|account| self.accounts.id(account))
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
        let address = ticket
            .contact
            .map_or_else(|| "anonymous@customer.test".to_owned(), contact_email);
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
        .text("description", ticket.subject)
        .text("isTrashed", "false")
        .nulls(&["invoiceId", "requestId"])
        .object("parent", |parent| {
            parent
                .number("id", self.tickets.id(entry.ticket))
                .text("type", "tickets")
                .number("ticketNumber", 101 + entry.ticket)
                .text("subject", ticket.subject)
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
            .text("subject", ticket.subject)
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

/// People, companies and calls.
impl Account {
    pub(in crate::zoho) fn contact_name(&self, contact: u32) -> (&'static str, String) {
        let mut dice = self.dice(stream::CONTACT, contact);
        let first = dice.pick(words::FIRST_NAMES);
        let last = dice.pick(words::LAST_NAMES);
        let last = match self.contacts.version(contact) {
            0 => last.to_owned(),
            version => format!("{last} v{}", version + 1),
        };
        (first, last)
    }

    pub(in crate::zoho) fn contact_row(&self, contact: u32) -> String {
        let mut dice = self.dice(stream::CONTACT, u64::from(contact) + (1 << 40));
        let (first, last) = self.contact_name(contact);
        let place = dice.below(words::CITIES.len() as u64) as usize;
        let mut json = Row::new(spelling(dice.next()));
        json.number("id", self.contacts.id(contact));
        if dice.percent(85) {
            json.text("firstName", first);
        } else {
            json.null("firstName");
        }
        json.text("lastName", &last)
            .text("email", &contact_email(contact))
            .null("secondaryEmail")
            .text("phone", &Self::contact_phone(contact))
            .null("mobile")
            .text("type", "paidUser")
            .null("title")
            .opt_number("accountId", self.account_of(Some(contact)))
            .number(
                "ownerId",
                Self::agent_id(dice.below(u64::from(self.size.agents)) as u32),
            )
            .text("street", "Straße 7/8")
            .text("city", words::CITIES[place])
            .null("state")
            .number("zip", 10_000 + contact % 80_000)
            .text("country", words::COUNTRIES[place])
            .time("createdTime", self.contacts.created(contact))
            .time("modifiedTime", self.contacts.modified(contact))
            .text(
                "webUrl",
                &format!(
                    "https://desk.zoho.com/support/sim/ShowHomePage.do#Contacts/dv/{}",
                    self.contacts.id(contact)
                ),
            )
            .flag("isSpam", false)
            .flag("isEndUser", dice.percent(10))
            .flag("isDeleted", false)
            .flag("isTrashed", false)
            .flag("isAnonymous", false)
            .null("zohoCRMContact")
            .object("customerHappiness", |happiness| {
                let good = dice.below(101);
                happiness
                    .number("goodPercentage", good)
                    .number("okPercentage", 100 - good)
                    .number("badPercentage", 0);
            })
            .object("cf", |cf| {
                cf.text("cf_segment", dice.pick(words::PRIORITIES))
                    .raw("cf_score", "12.50");
            });
        json.finish()
    }

    pub(in crate::zoho) fn account_name(&self, account: u32) -> String {
        let mut dice = self.dice(stream::ACCOUNT, account);
        let company = dice.pick(words::COMPANIES);
        match self.accounts.version(account) {
            0 => format!("{company} {account}"),
            version => format!("{company} {account} v{}", version + 1),
        }
    }

    pub(in crate::zoho) fn contact_phone(contact: u32) -> String {
        format!("+49 30 {:07}", 1_000_000 + contact)
    }

    pub(in crate::zoho) fn account_phone(account: u32) -> String {
        format!("+1 512 {:07}", 2_000_000 + account)
    }

    pub(in crate::zoho) fn account_email(account: u32) -> String {
        format!("office{account}@company.test")
    }

    pub(in crate::zoho) fn account_website(account: u32) -> String {
        format!("https://company{account}.test/")
    }

    pub(in crate::zoho) fn account_row(&self, account: u32) -> String {
        let mut dice = self.dice(stream::ACCOUNT, u64::from(account) + (1 << 40));
        let place = dice.below(words::CITIES.len() as u64) as usize;
        let mut json = Row::new(spelling(dice.next()));
        json.number("id", self.accounts.id(account))
            .text("accountName", &self.account_name(account))
            .text("email", &Self::account_email(account))
            .text("phone", &Self::account_phone(account))
            .text("website", &Self::account_website(account))
            .text("city", words::CITIES[place])
            .text("country", words::COUNTRIES[place])
            .null("industry")
            .number(
                "ownerId",
                Self::agent_id(dice.below(u64::from(self.size.agents)) as u32),
            )
            .time("createdTime", self.accounts.created(account))
            .time("modifiedTime", self.accounts.modified(account))
            .text(
                "webUrl",
                &format!(
                    "https://desk.zoho.com/support/sim/ShowHomePage.do#Accounts/dv/{}",
                    self.accounts.id(account)
                ),
            )
            .null("zohoCRMAccount")
            .object("cf", |cf| {
                cf.null("cf_region").raw("cf_discount", "0.10");
            });
        json.finish()
    }

    pub(in crate::zoho) fn call(&self, call: u32) -> Call {
        let mut dice = self.dice(stream::CALL, call);
        let tickets = u64::from(self.size.tickets);
        let ticket = (tickets > 0).then(|| dice.below(tickets) as u32);
        let created = self.calls.created(call);
        let modified = self.calls.edits(call).original_modified;
        Call {
            ticket,
            department: match ticket {
                Some(ticket) => self.ticket(ticket).department,
                None => 0,
            },
            owner: dice.below(u64::from(self.size.agents)) as u32,
            start: created + DAY_MS / 24,
            completed: dice.percent(75).then_some(modified),
            inbound: dice.percent(50),
            priority: dice.percent(85).then(|| dice.pick(words::PRIORITIES)),
            subject: dice.pick(words::SUBJECTS),
            seconds: dice.below(3_600),
            flavour: dice.next(),
        }
    }

    pub(in crate::zoho) fn call_row(&self, row: u32) -> String {
        let call = self.call(row);
        let contact = call.ticket.and_then(|ticket| self.ticket(ticket).contact);
        let subject = match self.calls.version(row) {
            0 => call.subject.to_owned(),
            version => format!("{} (v{})", call.subject, version + 1),
        };
        let mut json = Row::new(spelling(call.flavour));
        json.number("id", self.calls.id(row))
            .text("subject", &subject)
            .null("description")
            .number("departmentId", Self::department_id(call.department))
            .number("ownerId", Self::agent_id(call.owner))
            .opt_number(
                "contactId",
                contact.map(|contact| self.contacts.id(contact)),
            )
            .opt_number(
                "ticketId",
                call.ticket.map(|ticket| self.tickets.id(ticket)),
            )
            .text(
                "direction",
                if call.inbound { "inbound" } else { "outbound" },
            )
            .time("startTime", call.start)
            .number("duration", call.seconds)
            .text("status", call.status());
        match call.priority {
            Some(priority) => json.text("priority", priority),
            None => json.null("priority"),
        };
        json.time("createdTime", self.calls.created(row))
            .time("modifiedTime", self.calls.modified(row))
            .opt_time("completedTime", call.completed)
            .number("creatorId", Self::agent_id(call.owner))
            .text(
                "webUrl",
                &format!(
                    "https://desk.zoho.com/support/sim/ShowHomePage.do#Activities/calls/dv/{}",
                    self.calls.id(row)
                ),
            )
            .raw("cf", "{}");
        json.finish()
    }
}

/// The attributes of a call that filters read.
#[derive(Debug, Clone)]
pub(in crate::zoho) struct Call {
    pub(in crate::zoho) ticket: Option<u32>,
    pub(in crate::zoho) department: u32,
    pub(in crate::zoho) owner: u32,
    pub(in crate::zoho) start: i64,
    pub(in crate::zoho) completed: Option<i64>,
    inbound: bool,
    pub(in crate::zoho) priority: Option<&'static str>,
    pub(in crate::zoho) subject: &'static str,
    seconds: u64,
    flavour: u64,
}

impl Call {
    pub(in crate::zoho) fn status(&self) -> &'static str {
        match self.completed {
            Some(_) => "Completed",
            None => "In Progress",
        }
    }
}

/// The portal's own set-up.
impl Account {
    pub(in crate::zoho) fn agent_status(&self, agent: u32) -> AgentStatus {
        // The first agent owns the portal and cannot be disabled.
        if agent > 0 && self.dice(stream::AGENT, agent).percent(12) {
            AgentStatus::Disabled
        } else {
            AgentStatus::Active
        }
    }

    pub(in crate::zoho) fn agent_department(&self, agent: u32) -> u32 {
        agent % self.size.departments
    }

    fn agent_names(&self, agent: u32) -> (&'static str, &'static str, u64) {
        let mut dice = self.dice(stream::AGENT, u64::from(agent) + (1 << 40));
        let first = dice.pick(words::FIRST_NAMES);
        (first, dice.pick(words::LAST_NAMES), dice.next())
    }

    pub(in crate::zoho) fn agent_name(&self, agent: u32) -> String {
        let (first, last, _) = self.agent_names(agent);
        format!("{first} {last}")
    }

    pub(in crate::zoho) fn agent_row(&self, agent: u32) -> String {
        let (first, last, flavour) = self.agent_names(agent);
        let active = self.agent_status(agent) == AgentStatus::Active;
        let department = self.agent_department(agent);
        let mut json = Row::new(spelling(flavour));
        json.number("id", Self::agent_id(agent))
            .text("firstName", first)
            .text("lastName", last)
            .text("name", &format!("{first} {last}"))
            .text("emailId", &agent_email(agent))
            .nulls(&["phone", "mobile", "extn"])
            .number("zuid", 60_000_000 + agent)
            .text("status", if active { "ACTIVE" } else { "DISABLED" })
            .flag("isConfirmed", active)
            .number("roleId", base::ROLE)
            .number("profileId", base::ROLE + 1 + u64::from(agent % 3))
            .text(
                "rolePermissionType",
                if agent == 0 { "Admin" } else { "AgentPersonal" },
            )
            .list("associatedDepartmentIds", [Self::department_id(department)])
            .null("photoURL")
            .text("langCode", "en_US")
            .text("timeZone", "Europe/Berlin")
            .text("countryCode", "de_DE")
            .nulls(&["aboutInfo", "channelExpert"]);
        json.finish()
    }

    pub(in crate::zoho) fn department(&self, department: u32) -> Department {
        let mut dice = self.dice(stream::DEPARTMENT, department);
        let names = words::DEPARTMENTS;
        let name = names[department as usize % names.len()];
        let round = department as usize / names.len();
        Department {
            name: match round {
                0 => name.to_owned(),
                _ => format!("{name} {}", round + 1),
            },
            enabled: department == 0 || !dice.percent(10),
            chat: dice.percent(50),
            created: self.now_ms - 900 * DAY_MS + i64::from(department) * DAY_MS,
        }
    }

    pub(in crate::zoho) fn department_row(&self, department: u32) -> String {
        let facts = self.department(department);
        let members = self
            .agents()
            .filter(|&agent| self.agent_department(agent) == department)
            .map(Self::agent_id);
        let mut json = Row::new(spelling(u64::from(department)));
        json.number("id", Self::department_id(department))
            .text("name", &facts.name)
            .null("description")
            .flag("isEnabled", facts.enabled)
            .flag("isDefault", department == 0)
            .flag("isVisibleInCustomerPortal", department.is_multiple_of(2))
            .flag("isAssignToTeamEnabled", false)
            .text(
                "chatStatus",
                if facts.chat {
                    "AVAILABLE"
                } else {
                    "NOT_CREATED"
                },
            )
            .flag("hasLogo", false)
            .number("creatorId", Self::agent_id(0))
            .time("createdTime", facts.created)
            .text("nameInCustomerPortal", &facts.name)
            .text(
                "sanitizedName",
                &facts.name.to_lowercase().replace(' ', "-"),
            )
            .list("associatedAgentIds", members);
        json.finish()
    }

    pub(in crate::zoho) fn tags(&self, department: u32) -> Vec<Tag> {
        let mut dice = self.dice(stream::TAG, department);
        let count = match (department, self.size.tags_per_department) {
            // One department always has the most, so that paging is needed somewhere.
            (0, most) => most,
            (_, most) => dice.below(u64::from(most) + 1) as u32,
        };
        (0..count)
            .map(|position| Tag {
                department,
                position,
                created: self.now_ms - 800 * DAY_MS + dice.millis_below(799 * DAY_MS),
                tickets: dice.below(50),
            })
            .collect()
    }

    pub(in crate::zoho) fn tag_row(tag: &Tag) -> String {
        let words = words::TAGS;
        let word = words[tag.position as usize % words.len()];
        let number = u64::from(tag.department) * 1_000 + u64::from(tag.position);
        let mut json = Row::new(spelling(number));
        json.number("id", base::TAG + number)
            .text("name", &format!("{word}-{}", tag.position))
            .text(
                "tagType",
                if tag.position.is_multiple_of(3) {
                    "SYSTEM"
                } else {
                    "MANUAL"
                },
            )
            .number("ticketCount", tag.tickets);
        json.finish()
    }

    pub(in crate::zoho) fn organization_row(&self, edition: &str) -> String {
        let mut json = Row::new(Spelling::default());
        json.text("id", &self.org_id)
            .text("companyName", "Simulated Support Ltd")
            .text("portalName", "sim")
            .text("portalURL", "https://desk.zoho.com/portal/sim/")
            .text("edition", edition)
            .flag("isDefault", true)
            .flag("isAdminInOrg", true)
            .text("currencyCode", "EUR")
            .null("logoURL");
        json.finish()
    }
}

pub(in crate::zoho) fn contact_email(contact: u32) -> String {
    format!("person{contact}@customer.test")
}

pub(in crate::zoho) fn agent_email(agent: u32) -> String {
    format!("agent{agent}@desk.test")
}
