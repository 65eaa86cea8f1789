//! Requests and answers of the ticket routes, as the documentation for users shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Ref, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::api::text::{
    CommentText, Cursor, Detail, DetailName, Email, PersonName, Phone, Query, Source, StatusName,
    Subject, WorkflowType,
};

/// A request for a ticket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "query": "I need to upgrade my disk storage",
    "user_id": "john@company.com",
    "metadata": {"subject": "Disk Space Upgrade Request", "priority": "Medium", "workflow_type": "disk_upgrade"}
}))]
pub(crate) struct NewTicket {
    /// What the person wants; becomes the ticket's description.
    pub(crate) query: Query,
    /// The person's e-mail address. Zoho Desk's contact is found by it, or made.
    pub(crate) user_id: Email,
    /// More about the request.
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// More about a request. Entries other than the named ones become lines of the description.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) subject: Option<Subject>,
    pub(crate) priority: Option<Priority>,
    pub(crate) workflow_type: Option<WorkflowType>,
    pub(crate) name: Option<PersonName>,
    pub(crate) phone: Option<Phone>,
    #[serde(flatten)]
    pub(crate) details: BTreeMap<DetailName, Detail>,
}

/// Most further entries of [`Metadata`].
pub(crate) const MOST_DETAILS: usize = 20;

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let named = |name: &str| Ref::from_schema_name(name);
        ObjectBuilder::new()
            .description(Some(
                "More about a request. Entries other than the named ones become lines of the description.",
            ))
            .property("subject", named("Subject"))
            .property("priority", named("Priority"))
            .property("workflow_type", named("WorkflowType"))
            .property("name", named("PersonName"))
            .property("phone", named("Phone"))
            .additional_properties(Some(AdditionalProperties::from(named("Detail"))))
            .property_names(Some(DetailName::schema()))
            .max_properties(Some(MOST_DETAILS))
            .into()
    }
}

impl ToSchema for Metadata {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend([
            ("Subject".to_owned(), Subject::schema()),
            ("Priority".to_owned(), Priority::schema()),
            ("WorkflowType".to_owned(), WorkflowType::schema()),
            ("PersonName".to_owned(), PersonName::schema()),
            ("Phone".to_owned(), Phone::schema()),
            ("Detail".to_owned(), Detail::schema()),
        ]);
    }
}

/// How urgent a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) enum Priority {
    Low,
    Medium,
    High,
}

impl Priority {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// A ticket was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "ticket_id": "7000000000001001", "ticket_number": "1042", "timestamp": "2026-11-26T16:50:00Z"
}))]
pub(crate) struct TicketCreated {
    /// Always `true`.
    pub(crate) success: bool,
    /// Zoho Desk's id, for the other routes.
    pub(crate) ticket_id: String,
    /// The number people use.
    pub(crate) ticket_number: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Timestamp,
}

/// Zoho Desk is slow; the ticket is made from a queue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "pending": true, "reference": "api-5f0c1d2e3a4b", "timestamp": "2026-11-26T16:50:00Z"
}))]
pub(crate) struct TicketPending {
    /// Always `true`.
    pub(crate) success: bool,
    /// Always `true`.
    pub(crate) pending: bool,
    /// `GET /salesiq/session/{reference}` tells the ticket's id once it is made.
    pub(crate) reference: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Timestamp,
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "7000000000001001", "ticketNumber": "1042", "subject": "Disk Space Upgrade Request",
    "status": "Open", "priority": "Medium", "email": "john@company.com"
}))]
pub(crate) struct Ticket {
    /// Zoho Desk's id.
    pub(crate) id: String,
    /// The number people use.
    #[serde(rename = "ticketNumber")]
    pub(crate) number: String,
    /// Subject.
    pub(crate) subject: Option<String>,
    /// Status, e.g. `Open` or one of your own.
    pub(crate) status: Option<String>,
    /// What the status means: `Open`, `On Hold` or `Closed`.
    pub(crate) status_type: Option<String>,
    /// Priority, e.g. `Medium`.
    pub(crate) priority: Option<String>,
    /// The contact's e-mail address.
    pub(crate) email: Option<String>,
    /// The kind of request.
    #[serde(rename = "workflow_type")]
    pub(crate) workflow_type: Option<String>,
    /// The chat that it came from.
    #[serde(rename = "chat_id")]
    pub(crate) chat_id: Option<String>,
    /// The system that made it.
    pub(crate) source: Option<String>,
    /// When it was made.
    #[serde(rename = "created_at")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) created_at: Option<Timestamp>,
    /// When it was closed.
    #[serde(rename = "closed_at")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) closed_at: Option<Timestamp>,
    /// Its page in Zoho Desk; visitors do not get it.
    #[serde(rename = "web_url")]
    pub(crate) web_url: Option<String>,
}

/// One ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneTicket {
    /// Always `true`.
    pub(crate) success: bool,
    /// The ticket.
    pub(crate) ticket: Ticket,
}

/// A page of tickets, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketPage {
    /// Always `true`.
    pub(crate) success: bool,
    /// The tickets.
    pub(crate) tickets: Vec<Ticket>,
    /// For the parameter `cursor` of the next page; `null` on the last.
    pub(crate) next_cursor: Option<String>,
}

/// Which tickets are listed; an absent parameter allows all.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TicketQuery {
    /// The system that made the ticket, e.g. `AceBuddy`.
    #[param(inline)]
    pub(crate) source: Option<Source>,
    /// The kind of request, e.g. `password_reset`.
    #[param(inline)]
    pub(crate) workflow_type: Option<WorkflowType>,
    /// The ticket's status, e.g. `Open`; case does not matter.
    #[param(inline)]
    pub(crate) status: Option<StatusName>,
    /// Most tickets of a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[param(inline)]
    pub(crate) cursor: Option<Cursor>,
}

/// Rows of a page, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Limit(u32);

impl Limit {
    pub(crate) fn rows(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(rows: u32) -> Result<Self, Self::Error> {
        if (1..=100).contains(&rows) {
            Ok(Self(rows))
        } else {
            Err("must be 1 to 100")
        }
    }
}

/// A comment to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"comment": "Customer confirmed 100GB upgrade plan", "is_internal": false}))]
pub(crate) struct NewComment {
    /// Its text.
    pub(crate) comment: CommentText,
    /// Whether only agents see it. A visitor's comment is never internal.
    #[serde(default)]
    pub(crate) is_internal: bool,
}

/// A comment was added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "comment_id": "7000000000002001", "timestamp": "2026-11-26T16:50:00Z"}))]
pub(crate) struct CommentAdded {
    /// Always `true`.
    pub(crate) success: bool,
    /// Zoho Desk's id of the comment.
    pub(crate) comment_id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Timestamp,
}

/// A comment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comment {
    /// Zoho Desk's id of the comment.
    pub(crate) id: String,
    /// Its text; HTML where an agent wrote it in Zoho Desk.
    #[serde(rename = "comment")]
    pub(crate) text: String,
    /// Whether only agents see it.
    pub(crate) is_internal: bool,
    /// When it was written.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) created_at: Option<Timestamp>,
}

/// The comments of a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comments {
    /// Always `true`.
    pub(crate) success: bool,
    /// The comments that the caller may see.
    pub(crate) comments: Vec<Comment>,
}

/// A status to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "Closed"}))]
pub(crate) struct NewStatus {
    /// One of Zoho Desk's statuses.
    pub(crate) status: StatusName,
}

/// The status was set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "status": "Closed", "timestamp": "2026-11-26T16:50:00Z"}))]
pub(crate) struct StatusSet {
    /// Always `true`.
    pub(crate) success: bool,
    /// The status as Zoho Desk now has it.
    pub(crate) status: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Timestamp,
}

/// The connection works.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "message": "Connected to Zoho Desk successfully", "timestamp": "2026-11-26T16:50:00Z"
}))]
pub(crate) struct Connected {
    /// Always `true`.
    pub(crate) success: bool,
    /// For people.
    pub(crate) message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Timestamp,
}
