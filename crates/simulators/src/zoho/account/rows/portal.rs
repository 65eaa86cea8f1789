//! The portal's own set-up.

use super::{agent_email, spelling};
use crate::zoho::{
    account::{Account, STATUSES, base, stream, words},
    row::{Row, Spelling},
};

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

impl Account {
    /// The fields of tickets whose values are chosen from a list, and the custom ones.
    pub(in crate::zoho) fn field_rows(&self) -> Vec<String> {
        let picklist = |name: &str, values: Vec<String>| {
            let mut json = Row::new(Spelling::default());
            json.text("apiName", name)
                .text("name", name)
                .text("type", "Picklist")
                .flag("isCustomField", false)
                .raw("allowedValues", &format!("[{}]", values.join(",")));
            json.finish()
        };
        let statuses = STATUSES.iter().map(|status| {
            let mut json = Row::new(Spelling::default());
            json.text("value", status.name)
                .text("statusType", status.kind);
            json.finish()
        });
        let named = |names: &[&str]| -> Vec<String> {
            let values = names.iter().map(|name| {
                let mut json = Row::new(Spelling::default());
                json.text("value", name);
                json.finish()
            });
            values.collect()
        };
        let custom = self.custom_field_names().iter().map(|name| {
            let mut json = Row::new(Spelling::default());
            json.text("apiName", name)
                .text("name", name)
                .text("type", "Text")
                .flag("isCustomField", true)
                .number("maxLength", 255);
            json.finish()
        });
        [
            picklist("status", statuses.collect()),
            picklist("priority", named(words::PRIORITIES)),
            picklist("channel", named(words::CHANNELS)),
        ]
        .into_iter()
        .chain(custom)
        .collect()
    }

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

    pub(super) fn agent_names(&self, agent: u32) -> (&'static str, &'static str, u64) {
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
