#![doc = include_str!("../README.md")]

mod api_keys;
mod audit;
mod counters;
mod cursor;
mod deliveries;
mod error;
mod expression;
mod ids;
mod item;
mod json_text;
mod lease;
mod persons;
mod rate;
mod retention;
mod secret;
mod session;
mod sessions;
mod state;
mod surveys;
mod table;
mod tenant;
mod ticket;
mod tickets;
mod time;
mod write;

pub use api_keys::{ApiKeys, Client, Grant, IssuedKey, KeyInfo, KeyRefusal, Scope};
pub use audit::{Audit, Entry};
pub use counters::{Counted, Counters, DayStats, Total, WorkflowStats};
pub use cursor::Cursor;
pub use deliveries::Deliveries;
pub use error::Error;
pub use ids::{ChatId, InvalidChatId};
pub use item::{Key, Stored};
pub use lease::{Lease, Leases};
pub use persons::{ChatExport, Erased, Export, Persons};
pub use rate::{RateLimits, Taken, Tally};
pub use retention::Retention;
pub use secret::{Entropy, SystemEntropy};
pub use session::{
    Author, Consent, HeldMessages, Message, RecentDeliveries, Session, SurveyAnswer, Visitor,
};
pub use sessions::Sessions;
pub use state::State;
pub use surveys::{Invitation, Surveys};
pub use table::{Order, Page, Paging, Range, Table};
pub use tenant::{InvalidTenantId, TenantId};
pub use ticket::{Contact, Mail, MailState, Origin, TicketRecord, TicketState};
pub use tickets::{TicketFilter, Tickets};
pub use write::{Condition, Write};
