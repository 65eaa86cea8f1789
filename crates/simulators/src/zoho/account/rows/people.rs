//! People, companies and calls.

use std::borrow::Cow;

use super::spelling;
use crate::zoho::{
    account::{Account, stream, words},
    row::Row,
};

const DAY_MS: i64 = 86_400_000;

impl Account {
    pub(in crate::zoho) fn contact_name(&self, contact: u32) -> (Cow<'static, str>, String) {
        if let Some(written) = self.written_contact(contact) {
            let first = written.first_name.clone().unwrap_or_default();
            return (first.into(), written.last_name.clone());
        }
        let mut dice = self.dice(stream::CONTACT, contact);
        let first = dice.pick(words::FIRST_NAMES);
        let last = dice.pick(words::LAST_NAMES);
        let last = match self.contacts.version(contact) {
            0 => last.to_owned(),
            version => format!("{last} v{}", version + 1),
        };
        (first.into(), last)
    }

    pub(in crate::zoho) fn contact_row(&self, contact: u32) -> String {
        let mut dice = self.dice(stream::CONTACT, u64::from(contact) + (1 << 40));
        let (first, last) = self.contact_name(contact);
        let place = dice.below(words::CITIES.len() as u64) as usize;
        let mut json = Row::new(spelling(dice.next()));
        json.number("id", self.contacts.id(contact));
        let is_named = match self.written_contact(contact) {
            Some(written) => written.first_name.is_some(),
            None => dice.percent(85),
        };
        if is_named {
            json.text("firstName", &first);
        } else {
            json.null("firstName");
        }
        json.text("lastName", &last);
        match self.contact_email(contact).as_str() {
            "" => json.null("email"),
            email => json.text("email", email),
        };
        json.null("secondaryEmail");
        match self.contact_phone(contact).as_str() {
            "" => json.null("phone"),
            phone => json.text("phone", phone),
        };
        json.null("mobile")
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

    /// Empty for a contact without one.
    pub(in crate::zoho) fn contact_phone(&self, contact: u32) -> String {
        match self.written_contact(contact) {
            Some(written) => written.phone.clone().unwrap_or_default(),
            None => format!("+49 30 {:07}", 1_000_000 + contact),
        }
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
