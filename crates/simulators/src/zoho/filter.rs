//! Text filters of the search routes.

use std::borrow::Cow;

use super::{
    account::{Account, STATUSES},
    query::Query,
};

/// What a filter asks of a value: one of several texts, each may carry `*`.
#[derive(Debug)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    pub(super) fn new(value: &str) -> Self {
        let mut alternatives = vec![value.to_lowercase()];
        if value.contains(',') {
            alternatives.extend(value.split(',').map(|one| one.trim().to_lowercase()));
        }
        Self(alternatives)
    }

    /// Understands `${open}`, `${onhold}` and `${closed}`, which mean every status of that type.
    pub(super) fn of_status(value: &str) -> Self {
        let mut pattern = Self::new(value);
        for (word, kind) in [
            ("${open}", "Open"),
            ("${onhold}", "On Hold"),
            ("${closed}", "Closed"),
        ] {
            if pattern.0.iter().any(|text| text == word) {
                let names = STATUSES.iter().filter(|status| status.kind == kind);
                pattern
                    .0
                    .extend(names.map(|status| status.name.to_lowercase()));
            }
        }
        pattern
    }

    pub(super) fn matches(&self, value: Option<&str>) -> bool {
        self.0
            .iter()
            .any(|pattern| match (pattern.as_str(), value) {
                ("${empty}", value) => value.is_none(),
                ("${notempty}", value) => value.is_some(),
                (_, None) => false,
                (pattern, Some(value)) if pattern.contains('*') => {
                    fits_wildcard(pattern, &value.to_lowercase())
                }
                (pattern, Some(value)) if value.is_ascii() => value.eq_ignore_ascii_case(pattern),
                (pattern, Some(value)) => value.to_lowercase() == pattern,
            })
    }

    fn is_within(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        self.0
            .iter()
            .any(|pattern| value.contains(pattern.trim_matches('*')))
    }
}

fn fits_wildcard(pattern: &str, value: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return false;
    };
    let Some(rest) = value.strip_prefix(first) else {
        return false;
    };
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    for part in &parts[1..parts.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// A row's value under one name.
pub(super) type Value = Option<Cow<'static, str>>;

/// Times that only a filter reads, epoch ms.
pub(super) type Time = Option<i64>;

/// The filters of one search besides the indexed ranges.
#[derive(Debug)]
pub(super) struct Filters<'a> {
    texts: Vec<(&'a str, Pattern)>,
    ranges: Vec<(&'static str, (i64, i64))>,
}

impl<'a> Filters<'a> {
    pub(super) fn of(query: &'a Query) -> Self {
        let texts = query.text_filters().into_iter();
        let unindexed = [
            "dueDateRange",
            "customerResponseTimeRange",
            "startDateRange",
        ];
        Self {
            texts: texts
                .map(|(name, value)| match name {
                    "status" => (name, Pattern::of_status(value)),
                    _ => match value.split_once(':') {
                        Some((field, value)) if name.starts_with("customField") => {
                            (field, Pattern::new(value))
                        }
                        _ => (name, Pattern::new(value)),
                    },
                })
                .collect(),
            ranges: unindexed
                .into_iter()
                .filter_map(|name| Some((name, query.range(name)?)))
                .collect(),
        }
    }

    /// Like the vendor's search of contacts, finds every address that holds what is asked for.
    pub(super) fn with_loose_emails(mut self) -> Self {
        for (name, pattern) in &mut self.texts {
            if *name == "email" {
                for text in &mut pattern.0 {
                    if !text.starts_with("${") {
                        *text = format!("*{text}*");
                    }
                }
            }
        }
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.ranges.is_empty()
    }

    /// Whether a row with these values passes every filter.
    pub(super) fn fit(&self, value: impl Fn(&str) -> Value, time: impl Fn(&str) -> Time) -> bool {
        let within = |(name, (first, last)): &(&str, (i64, i64))| {
            time(name).is_some_and(|time| (*first..=*last).contains(&time))
        };
        self.ranges.iter().all(within)
            && self.texts.iter().all(|(name, pattern)| {
                let value = value(name);
                match *name {
                    "_all" => pattern.is_within(value.as_deref().unwrap_or("")),
                    _ => pattern.matches(value.as_deref()),
                }
            })
    }
}

fn id(id: u64) -> Cow<'static, str> {
    Cow::Owned(id.to_string())
}

pub(super) fn ticket_value(account: &Account, row: u32, name: &str) -> Value {
    let ticket = account.ticket(row);
    let contact = ticket.contact;
    match name {
        "status" => Some(ticket.status.name.into()),
        "priority" => ticket.priority.map(Into::into),
        "channel" | "cf_source" => Some(ticket.channel.into()),
        "category" => ticket.category,
        "subject" | "description" => Some(ticket.subject),
        name if name.starts_with("cf_") => account.custom_field(row, name).map(Cow::Owned),
        "departmentId" => Some(id(Account::department_id(ticket.department))),
        "assigneeId" => ticket.assignee.map(Account::agent_id).map(id),
        "contactId" => contact.map(|contact| id(account.contacts().id(contact))),
        "contactName" => contact.map(|contact| account.contact_name(contact).1.into()),
        "accountId" => owner(account, contact).map(|owner| id(account.accounts().id(owner))),
        "accountName" => owner(account, contact).map(|owner| account.account_name(owner).into()),
        "email" => account.ticket_email(&ticket).map(Into::into),
        "ticketNumber" => Some(Cow::Owned((101 + row).to_string())),
        "id" => Some(id(account.tickets().id(row))),
        "_all" => Some(Cow::Owned(format!(
            "{}\n{}\n{}",
            ticket.subject,
            101 + row,
            account.ticket_email(&ticket).unwrap_or_default()
        ))),
        _ => None,
    }
}

pub(super) fn ticket_time(account: &Account, row: u32, name: &str) -> Time {
    let ticket = account.ticket(row);
    match name {
        "dueDateRange" => account.due(&ticket),
        _ => account.customer_response(&ticket),
    }
}

fn filled(text: String) -> Value {
    (!text.is_empty()).then_some(Cow::Owned(text))
}

fn owner(account: &Account, contact: Option<u32>) -> Option<u32> {
    account.company_of(contact)
}

pub(super) fn contact_value(account: &Account, row: u32, name: &str) -> Value {
    let (first, last) = account.contact_name(row);
    match name {
        "email" => filled(account.contact_email(row)),
        "phone" => filled(account.contact_phone(row)),
        "firstName" => Some(first),
        "lastName" => Some(Cow::Owned(last)),
        "fullName" => Some(Cow::Owned(format!("{first} {last}"))),
        "accountName" | "account" => {
            owner(account, Some(row)).map(|owner| account.account_name(owner).into())
        }
        "id" => Some(id(account.contacts().id(row))),
        "_all" => Some(Cow::Owned(format!(
            "{first} {last}\n{}",
            account.contact_email(row)
        ))),
        _ => None,
    }
}

pub(super) fn account_value(account: &Account, row: u32, name: &str) -> Value {
    match name {
        "accountName" | "_all" => Some(Cow::Owned(account.account_name(row))),
        "website" => Some(Cow::Owned(Account::account_website(row))),
        "email" => Some(Cow::Owned(Account::account_email(row))),
        "phone" => Some(Cow::Owned(Account::account_phone(row))),
        "id" => Some(id(account.accounts().id(row))),
        _ => None,
    }
}

pub(super) fn call_value(account: &Account, row: u32, name: &str) -> Value {
    let call = account.call(row);
    match name {
        "subject" | "_all" => Some(call.subject.into()),
        "status" => Some(call.status().into()),
        "priority" => call.priority.map(Into::into),
        "departmentId" => Some(id(Account::department_id(call.department))),
        "assigneeId" => Some(id(Account::agent_id(call.owner))),
        "ticketNumber" => call.ticket.map(|ticket| (101 + ticket).to_string().into()),
        "id" => Some(id(account.calls().id(row))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_values_lists_and_wildcards() {
        let cases = [
            ("Open", Some("open"), true),
            ("Open", Some("Opened"), false),
            ("Open,On Hold", Some("On Hold"), true),
            ("brok*", Some("Broken mug"), true),
            ("*mug", Some("Broken mug"), true),
            ("b*k*g", Some("Broken mug"), true),
            ("mug*", Some("Broken mug"), false),
            ("${empty}", None, true),
            ("${notempty}", None, false),
            ("${notempty}", Some("x"), true),
            ("x", None, false),
        ];
        for (pattern, value, expected) in cases {
            assert_eq!(
                Pattern::new(pattern).matches(value),
                expected,
                "{pattern} {value:?}"
            );
        }
    }

    #[test]
    fn a_status_type_covers_custom_statuses() {
        let on_hold = Pattern::of_status("${onhold}");
        assert!(on_hold.matches(Some("Waiting parts")));
        assert!(!on_hold.matches(Some("Open")));
    }
}
