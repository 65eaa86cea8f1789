use jiff::{SignedDuration, Timestamp};
use zoho_desk::{Desk, Document, EntityId, Error, Ticket, TicketQuery};

/// How far the vendor's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(2);
/// Rows of one page of the ticket list, and most pages that are read.
const ROWS: usize = 100;
const PAGES: usize = 5;

/// A ticket that may have been made by a request whose answer never came.
pub(crate) struct Lookup<'a> {
    /// API name of the custom field that holds the chat's id.
    pub(crate) field: &'a str,
    /// The chat's id.
    pub(crate) chat: &'a str,
    pub(crate) department: &'a EntityId,
    pub(crate) email: &'a str,
    /// The contact that the request named, if it named one.
    pub(crate) contact: Option<&'a EntityId>,
    /// When the first request was sent.
    pub(crate) sent_at: Timestamp,
    /// Tickets of the chat that are known to be others.
    pub(crate) others: &'a [EntityId],
}

impl Lookup<'_> {
    /// Looks where a new ticket shows at once (the contact's tickets, and the department's newest)
    /// and, last, into the vendor's search, which may lag.
    pub(crate) async fn find(&self, desk: &Desk) -> Result<Option<Ticket>, Error> {
        let contact = match self.contact {
            Some(contact) => Some(contact.clone()),
            None => desk
                .contact_by_email(self.email)
                .await?
                .map(|found| found.id),
        };
        if let Some(contact) = contact {
            let tickets = desk.contact_tickets(&contact, self.since()).await?;
            if let Some(found) = self.pick(tickets) {
                return Ok(Some(found));
            }
        }
        // The request may have made a contact that the search for contacts does not know yet.
        if self.contact.is_none()
            && let Some(found) = self.among_newest(desk).await?
        {
            return Ok(Some(found));
        }
        let query = TicketQuery {
            custom_fields: vec![(self.field.to_owned(), self.chat.to_owned())],
            limit: ROWS as u32,
            ..TicketQuery::default()
        };
        let mut found = Vec::new();
        for ticket in desk.search_tickets(&query).await?.tickets {
            if self.may_be(&ticket) {
                // Rows of a search may lack custom fields.
                found.push(desk.ticket(&ticket.id).await?);
            }
        }
        Ok(self.pick(found))
    }

    async fn among_newest(&self, desk: &Desk) -> Result<Option<Ticket>, Error> {
        for page in 0..PAGES {
            let query = [
                ("departmentIds", self.department.to_string()),
                ("sortBy", "-createdTime".to_owned()),
                ("limit", ROWS.to_string()),
                ("from", (page * ROWS).to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value));
            let Document::Rows(rows) = desk.document("/tickets", query).await? else {
                return Ok(None);
            };
            for row in &rows {
                let Ok(ticket) = serde_json::from_str::<Ticket>(row.json.get()) else {
                    continue;
                };
                let email = ticket.email.as_deref().unwrap_or_default();
                if email.eq_ignore_ascii_case(self.email) && self.may_be(&ticket) {
                    let found = self.pick(vec![desk.ticket(&ticket.id).await?]);
                    if found.is_some() {
                        return Ok(found);
                    }
                }
            }
            let passed = rows.last().and_then(|row| row.created);
            if rows.len() < ROWS || passed.is_some_and(|created| created < self.since()) {
                break;
            }
        }
        Ok(None)
    }

    fn since(&self) -> Timestamp {
        self.sent_at.saturating_sub(SKEW).unwrap_or(self.sent_at)
    }

    fn may_be(&self, ticket: &Ticket) -> bool {
        ticket.created_time.is_none_or(|at| at >= self.since()) && !self.others.contains(&ticket.id)
    }

    /// The oldest that is the chat's.
    fn pick(&self, tickets: Vec<Ticket>) -> Option<Ticket> {
        tickets
            .into_iter()
            .filter(|ticket| self.may_be(ticket))
            .filter(|ticket| {
                ticket
                    .cf
                    .get(self.field)
                    .is_some_and(|chat| chat == self.chat)
            })
            .min_by_key(|ticket| (ticket.created_time, ticket.id.clone()))
    }
}
