#![doc = include_str!("../README.md")]

mod comment;
mod contact;
mod desk;
mod error;
mod exchange;
mod field;
mod judge;
mod list;
mod page;
mod route;
mod row;
mod search;
mod text;
mod ticket;
mod ticket_search;
mod walk;
mod webhook;
mod window;

pub use comment::{Comment, ContentType, NewComment};
pub use contact::{Contact, ContactRef, NewContact};
pub use desk::{Desk, Document, Organization};
pub use error::{Error, InvalidField};
pub use field::{StatusType, TicketStatus};
pub use judge::ZohoAnswers;
pub use list::{ListPosition, Listing, MAX_RESTARTS, RangeParam};
pub use route::{Edition, Paging, Route, routes};
pub use row::{EntityId, OrgId, Row, RowKey};
pub use search::{Search, SearchPosition, Survey};
pub use text::{CommentText, Description, Subject};
pub use ticket::{NewTicket, Ticket, TicketChange};
pub use ticket_search::{FoundTickets, TicketQuery};
pub use walk::{Gap, Position, Step, Stop, Walk};
pub use webhook::{
    NewWebhook, Subscription, Webhook, WebhookChange, WebhookId, WebhookUrl, webhook_keys,
};
pub use window::{TimeField, Window};
