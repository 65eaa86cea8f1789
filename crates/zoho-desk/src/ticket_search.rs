//! Tickets by what is in their fields.

use std::fmt;

use crate::contact::Problems;
use crate::desk::Param;
use crate::page::position;
use crate::{Desk, EntityId, Error, Ticket, routes};

/// Most custom fields of one search.
const CUSTOM_FIELDS: usize = 10;
const LAST_FROM: u32 = 999;
const ROWS: u32 = 100;

/// What tickets are to be found, newest first. Searches do not see what happened in the last moments.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TicketQuery {
    /// API names and exact values, at most ten.
    pub custom_fields: Vec<(String, String)>,
    /// One of the account's statuses, or `${open}`, `${onhold}`, `${closed}` for all of a type.
    pub status: Option<String>,
    /// Whom they are from.
    pub contact_id: Option<EntityId>,
    /// Tickets to leave out, counted from the newest; at most 999.
    pub from: u32,
    /// Tickets to return; 1 to 100.
    pub limit: u32,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTickets {
    /// With their custom fields.
    pub tickets: Vec<Ticket>,
    /// Tickets in the whole search, where the vendor says so.
    pub count: Option<u64>,
}

impl TicketQuery {
    fn check(&self, path: &str) -> Result<(), Error> {
        let mut problems = Problems::default();
        if self.custom_fields.len() > CUSTOM_FIELDS {
            problems.add("/customField11", "more than ten custom fields");
        }
        for (name, value) in &self.custom_fields {
            if !name.starts_with("cf_") || name.contains(':') {
                problems.add(format!("/{name}"), "not the API name of a custom field");
            }
            // A pattern would find other people's tickets.
            if value.is_empty() || value.contains(['*', ',']) || value.contains("${") {
                problems.add(format!("/{name}"), "a pattern, not a value");
            }
        }
        let status = self.status.as_deref().unwrap_or("Open");
        let is_type = matches!(status, "${open}" | "${onhold}" | "${closed}");
        if status.is_empty() || (!is_type && (status.contains('*') || status.contains("${"))) {
            problems.add("/status", "a pattern, not a status");
        }
        if self.from > LAST_FROM {
            problems.add("/from", "more than 999");
        }
        if !(1..=ROWS).contains(&self.limit) {
            problems.add("/limit", "not between 1 and 100");
        }
        problems.none_in(path)
    }

    fn params(&self) -> Vec<Param<'static>> {
        const NAMES: [&str; CUSTOM_FIELDS] = [
            "customField1",
            "customField2",
            "customField3",
            "customField4",
            "customField5",
            "customField6",
            "customField7",
            "customField8",
            "customField9",
            "customField10",
        ];
        let mut params: Vec<Param<'static>> = vec![
            ("sortBy", "-createdTime".into()),
            ("limit", self.limit.to_string().into()),
            ("from", self.from.to_string().into()),
        ];
        let fields = NAMES.into_iter().zip(&self.custom_fields);
        params.extend(fields.map(|(key, (name, value))| (key, format!("{name}:{value}").into())));
        if let Some(status) = &self.status {
            params.push(("status", status.clone().into()));
        }
        if let Some(contact) = &self.contact_id {
            params.push(("contactId", contact.to_string().into()));
        }
        params
    }

    /// The vendor's filters compare loosely; what is no match is left out here. A row without any
    /// custom field does not say.
    fn fits(&self, ticket: &Ticket) -> bool {
        let has = |(name, value): &(String, String)| {
            let has = ticket.cf.get(name);
            has.is_some_and(|has| has.eq_ignore_ascii_case(value))
        };
        ticket.cf.is_empty() || self.custom_fields.iter().all(has)
    }
}

impl Desk {
    /// One page of the tickets that `query` describes. `count` is the vendor's and may lag.
    pub async fn search_tickets(&self, query: &TicketQuery) -> Result<FoundTickets, Error> {
        let path = routes::SEARCH_TICKETS.path;
        query.check(path)?;
        let page = self.page(path, &query.params()).await?;
        let tickets: Result<Vec<Ticket>, _> = page
            .rows
            .iter()
            .map(|row| serde_json::from_str(row.json.get()))
            .collect();
        let mut tickets = tickets.map_err(|error| Error::Malformed {
            path: path.to_owned(),
            why: position(&error),
        })?;
        tickets.retain(|ticket| query.fits(ticket));
        Ok(FoundTickets {
            tickets,
            count: page.count,
        })
    }
}

impl fmt::Debug for TicketQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .custom_fields
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("TicketQuery")
            .field("custom_fields", &names)
            .field("status", &self.status)
            .field("from", &self.from)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_limits_are_refused() {
        let good = TicketQuery {
            custom_fields: vec![("cf_chat_id".to_owned(), "c-1".to_owned())],
            status: Some("${open}".to_owned()),
            limit: 10,
            ..TicketQuery::default()
        };
        assert!(good.check("/tickets/search").is_ok());
        let of = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for bad in [
            TicketQuery {
                custom_fields: of("cf_chat_id", "*"),
                ..good.clone()
            },
            TicketQuery {
                custom_fields: of("cf_chat_id", "a,b"),
                ..good.clone()
            },
            TicketQuery {
                custom_fields: of("chat_id", "a"),
                ..good.clone()
            },
            TicketQuery {
                custom_fields: vec![("cf_a".to_owned(), "b".to_owned()); 11],
                ..good.clone()
            },
            TicketQuery {
                status: Some("*".to_owned()),
                ..good.clone()
            },
            TicketQuery {
                from: 1_000,
                ..good.clone()
            },
            TicketQuery {
                limit: 0,
                ..good.clone()
            },
            TicketQuery {
                limit: 101,
                ..good.clone()
            },
        ] {
            assert!(bad.check("/tickets/search").is_err(), "{bad:?}");
        }
    }
}
