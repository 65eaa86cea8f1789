//! The JSON of every row kind.

mod people;
mod portal;
mod tickets;

pub(in crate::zoho) use portal::AgentStatus;

use super::{Account, base};
use crate::zoho::row::Spelling;

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

impl Account {
    /// Empty for a contact without one.
    pub(in crate::zoho) fn contact_email(&self, contact: u32) -> String {
        match self.written_contact(contact) {
            Some(written) => written.email.clone().unwrap_or_default(),
            None => format!("person{contact}@customer.test"),
        }
    }
}

pub(in crate::zoho) fn agent_email(agent: u32) -> String {
    format!("agent{agent}@desk.test")
}
