use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use state::{Cursor, Order, Paging, TicketRecord, TicketState};
use tracing::warn;
use vendor_http::Deadline;
use zoho_desk::{CommentText, Desk, EntityId, NewComment, Ticket, TicketChange};

use crate::access::{Actor, Viewer};
use crate::ledger::{DeskChange, status_type_name};
use crate::{Error, Tickets};

pub(crate) const NO_TICKET: Error = Error::NotFound { what: "ticket" };
/// Kept of the caller's time for the answer itself.
const MARGIN: Duration = Duration::from_millis(300);
/// Characters of a comment.
const COMMENT: usize = 30_000;

/// A ticket as the API shows it. `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// Zoho Desk's id.
    pub id: String,
    /// The number people use.
    pub ticket_number: String,
    /// One line.
    pub subject: Option<String>,
    /// As the account calls it, e.g. `Waiting on vendor`.
    pub status: Option<String>,
    /// `Open`, `On Hold` or `Closed`.
    pub status_type: Option<String>,
    /// E.g. `High`.
    pub priority: Option<String>,
    /// The address that answers go to.
    pub email: Option<String>,
    /// E.g. `password_reset`; absent for tickets that Deskbridge did not make.
    pub workflow_type: Option<String>,
    /// What made it, e.g. `AceBuddy`; absent for tickets that Deskbridge did not make.
    pub source: Option<String>,
    /// The chat it came from; absent for tickets that Deskbridge did not make.
    pub chat_id: Option<String>,
    /// When it was made.
    pub created_time: Option<Timestamp>,
    /// When it was closed.
    pub closed_time: Option<Timestamp>,
    /// Its page for agents; not shown to visitors.
    pub web_url: Option<String>,
}

/// A comment as the API shows it. `Debug` does not show the text.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// Zoho Desk's id.
    pub id: String,
    /// The text.
    pub content: String,
    /// Whether the customer sees it.
    pub is_public: bool,
    /// When it was added.
    pub commented_time: Option<Timestamp>,
}

/// Which tickets [`Tickets::list`] returns; an absent field allows all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketFilter {
    /// What made them, e.g. `AceBuddy`, in any case.
    pub source: Option<String>,
    /// E.g. `password_reset`.
    pub workflow_type: Option<String>,
    /// The status as last seen, e.g. `Open`, in any case.
    pub status: Option<String>,
    /// Most rows, 1 to 100.
    pub limit: u32,
    /// [`Listed::cursor`] of the page before.
    pub cursor: Option<String>,
}

impl Default for TicketFilter {
    fn default() -> Self {
        Self {
            source: None,
            workflow_type: None,
            status: None,
            limit: 50,
            cursor: None,
        }
    }
}

/// One page of the tickets that Deskbridge made, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// May be fewer than asked for although there is a next page.
    pub tickets: Vec<TicketView>,
    /// For the next page; absent on the last.
    pub cursor: Option<String>,
}

/// `GET /zoho/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The organisation's id, digits.
    pub org_id: String,
    /// E.g. `ENTERPRISE`.
    pub edition: Option<String>,
}

impl Tickets {
    /// A ticket as Zoho Desk has it now.
    pub async fn ticket(
        &self,
        id: &str,
        viewer: &Viewer,
        time_left: Duration,
    ) -> Result<TicketView, Error> {
        let (id, record) = self.visible(id, viewer).await?;
        let desk = self.desk(time_left).await?;
        let ticket = desk.ticket(&id).await.map_err(no_ticket)?;
        Ok(TicketView::of_desk(&ticket, record.as_ref(), viewer))
    }

    /// Adds a comment and gives its id. Visitors write public ones.
    pub async fn comment(
        &self,
        id: &str,
        viewer: &Viewer,
        text: &str,
        is_internal: bool,
        time_left: Duration,
    ) -> Result<String, Error> {
        if is_internal && !viewer.is_staff() {
            return Err(Error::invalid("is_internal", "must be false for a visitor"));
        }
        if text.chars().count() > COMMENT {
            return Err(Error::invalid(
                "comment",
                "must have at most 30,000 characters",
            ));
        }
        let content =
            CommentText::cut(text).ok_or_else(|| Error::invalid("comment", "must not be empty"))?;
        let (id, _) = self.visible(id, viewer).await?;
        let comment = if is_internal {
            NewComment::internal(content)
        } else {
            NewComment::public(content)
        };
        let desk = self.desk(time_left).await?;
        let started = self.parts.clock.now();
        let comment_id = match desk.add_comment(&id, &comment).await {
            Ok(added) => added.id,
            Err(error) if error.may_have_happened() => {
                warn!(ticket = %id, %error, "no answer to a comment; looking for it");
                written(&desk, &id, &comment, started).await?.ok_or(error)?
            }
            Err(error) => return Err(no_ticket(error)),
        };
        let details = json!({"comment": comment_id, "internal": is_internal});
        self.audited(&viewer.actor(), "ticket.comment", &id, details)
            .await?;
        Ok(comment_id.to_string())
    }

    /// A ticket's comments, oldest first. A visitor does not see internal ones.
    pub async fn comments(
        &self,
        id: &str,
        viewer: &Viewer,
        time_left: Duration,
    ) -> Result<Vec<Comment>, Error> {
        let (id, _) = self.visible(id, viewer).await?;
        let desk = self.desk(time_left).await?;
        let comments = desk.all_comments(&id).await.map_err(no_ticket)?;
        let shown = comments
            .into_iter()
            .filter(|comment| viewer.is_staff() || comment.is_public);
        Ok(shown
            .map(|comment| Comment {
                id: comment.id.to_string(),
                content: comment.content,
                is_public: comment.is_public,
                commented_time: comment.commented_time,
            })
            .collect())
    }

    /// Gives a ticket one of the account's statuses, named in any case, and returns the status as
    /// Desk then has it.
    pub async fn set_status(
        &self,
        id: &str,
        actor: &Actor,
        status: &str,
        time_left: Duration,
    ) -> Result<String, Error> {
        let id: EntityId = id.parse().map_err(|_| NO_TICKET)?;
        let desk = self.desk(time_left).await?;
        let statuses = desk.ticket_statuses().await?;
        let wanted = status.trim().to_lowercase();
        let Some(known) = statuses
            .iter()
            .find(|known| known.name.to_lowercase() == wanted)
        else {
            let names: Vec<&str> = statuses.iter().map(|known| known.name.as_str()).collect();
            let why = format!("must be one of: {}", names.join(", "));
            return Err(Error::invalid("status", why));
        };
        let change = TicketChange::status(known.name.clone());
        let ticket = desk.update_ticket(&id, &change).await.map_err(no_ticket)?;
        let now_is = ticket.status.clone().unwrap_or_else(|| known.name.clone());
        let change = DeskChange {
            status_type: ticket.status_type.or(known.status_type),
            ..DeskChange::from(&ticket)
        };
        if !self.desk_changed(&change, actor).await? {
            let details = json!({"to": change.status_type.map(status_type_name)});
            self.audited(actor, "ticket.status", &id, details).await?;
        }
        Ok(now_is)
    }

    /// The tickets that Deskbridge made, as it last saw them.
    pub async fn list(&self, filter: &TicketFilter) -> Result<Listed, Error> {
        if !(1..=100).contains(&filter.limit) {
            return Err(Error::invalid("limit", "must be a number from 1 to 100"));
        }
        let cursor = filter.cursor.as_deref().map(Cursor::parse).transpose();
        let invalid = |_| Error::invalid("cursor", "is not one of this list; leave it out");
        let paging = Paging {
            limit: filter.limit,
            cursor: cursor.map_err(invalid)?,
            order: Order::Descending,
        };
        let wanted = state::TicketFilter {
            source: filter.source.clone(),
            workflow: filter.workflow_type.clone(),
            status: filter.status.clone(),
            made_only: true,
        };
        let page = match self.parts.state.tickets.list(&wanted, &paging).await {
            Err(state::Error::InvalidCursor) => return Err(invalid(state::Error::InvalidCursor)),
            page => page?,
        };
        Ok(Listed {
            tickets: page
                .items
                .iter()
                .filter_map(TicketView::of_record)
                .collect(),
            cursor: page.next.map(|next| next.to_string()),
        })
    }

    /// Whether Desk answers, and our organisation is among those of the token.
    pub async fn test_connection(&self, time_left: Duration) -> Result<Connection, Error> {
        let desk = self.desk(time_left).await?;
        let organizations = desk.organizations().await?;
        let org_id = self.parts.desks.org_id();
        let ours = organizations.into_iter().find(|found| found.id == org_id);
        let ours = ours.ok_or(zoho_desk::Error::WrongOrganization)?;
        Ok(Connection {
            org_id,
            edition: ours.edition,
        })
    }

    /// A client that leaves time for the answer.
    async fn desk(&self, time_left: Duration) -> Result<Desk, Error> {
        let deadline = Deadline::after(time_left).minus(MARGIN);
        Ok(self.parts.desks.desk(deadline).await?)
    }

    /// The ticket's id, and its record if Deskbridge made it, where the viewer may see it.
    async fn visible(
        &self,
        id: &str,
        viewer: &Viewer,
    ) -> Result<(EntityId, Option<TicketRecord>), Error> {
        let id: EntityId = id.parse().map_err(|_| NO_TICKET)?;
        let record = self.parts.state.tickets.by_desk_id(id.as_str()).await?;
        let is_theirs = record
            .as_ref()
            .is_some_and(|record| viewer.may_see(record.chat_id.as_str()));
        if viewer.is_staff() || is_theirs {
            Ok((id, record))
        } else {
            Err(NO_TICKET)
        }
    }

    async fn audited(
        &self,
        actor: &Actor,
        action: &str,
        id: &EntityId,
        details: serde_json::Value,
    ) -> Result<(), Error> {
        let write = self
            .parts
            .audit(actor, action, format!("ticket:{id}"), details)?;
        Ok(self.parts.state.table.write(write).await?)
    }
}

/// The comment that a request without an answer wrote, if it did.
async fn written(
    desk: &Desk,
    ticket: &EntityId,
    comment: &NewComment,
    started: Timestamp,
) -> Result<Option<EntityId>, Error> {
    let since = started
        .saturating_sub(jiff::SignedDuration::from_secs(30))
        .unwrap_or(started);
    let comments = desk.all_comments(ticket).await?;
    let ours = comments.into_iter().rev().find(|there| {
        there.content == comment.content.as_str()
            && there.is_public == comment.is_public
            && there.commented_time.is_none_or(|at| at >= since)
    });
    Ok(ours.map(|comment| comment.id))
}

fn no_ticket(error: zoho_desk::Error) -> Error {
    match error {
        zoho_desk::Error::NotFound { .. } => NO_TICKET,
        error => error.into(),
    }
}

impl TicketView {
    fn of_desk(ticket: &Ticket, record: Option<&TicketRecord>, viewer: &Viewer) -> Self {
        let web_url = ticket.web_url.clone().filter(|_| viewer.is_staff());
        Self {
            id: ticket.id.to_string(),
            ticket_number: ticket.ticket_number.clone(),
            subject: ticket.subject.clone(),
            status: ticket.status.clone(),
            status_type: ticket.status_type.map(status_type_name),
            priority: ticket.priority.clone(),
            email: ticket.email.clone(),
            workflow_type: record.map(|record| record.origin.workflow.clone()),
            source: record.map(|record| record.origin.source.clone()),
            chat_id: record.map(|record| record.chat_id.to_string()),
            created_time: ticket.created_time,
            closed_time: ticket.closed_time,
            web_url,
        }
    }

    /// `None` for a ticket that is not made yet.
    fn of_record(record: &TicketRecord) -> Option<Self> {
        let TicketState::Made {
            id,
            number,
            web_url,
            made_at,
        } = &record.state
        else {
            return None;
        };
        let origin = &record.origin;
        Some(Self {
            id: id.clone(),
            ticket_number: number.clone(),
            subject: Some(origin.subject.clone()),
            status: record.status.clone(),
            status_type: record.status_type.clone(),
            priority: Some(origin.priority.clone()),
            email: origin.contact.email.clone(),
            workflow_type: Some(origin.workflow.clone()),
            source: Some(origin.source.clone()),
            chat_id: Some(record.chat_id.to_string()),
            created_time: Some(*made_at),
            closed_time: record.closed_at,
            web_url: web_url.clone(),
        })
    }
}

impl fmt::Debug for TicketView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketView")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comment")
            .field("id", &self.id)
            .field("is_public", &self.is_public)
            .finish_non_exhaustive()
    }
}
