//! Agents, departments and their tags.

use super::{Content, Listing, rows};
use crate::zoho::account::{Account, AgentStatus, agent_email};

impl Listing<'_> {
    pub(super) fn agents(&self) -> Content {
        let chosen: Vec<u32> = self
            .account
            .agents()
            .filter(|&agent| self.keeps_agent(agent))
            .collect();
        let descending = self.query.get("sortOrder") == Some("desc");
        let page = self.window.cut(&chosen, descending);
        rows(
            page.into_iter()
                .map(|agent| self.account.agent_row(agent))
                .collect(),
        )
    }

    fn keeps_agent(&self, agent: u32) -> bool {
        let (account, query) = (self.account, self.query);
        let active = account.agent_status(agent) == AgentStatus::Active;
        let department = Account::department_id(account.agent_department(agent));
        let name = account.agent_name(agent).to_lowercase();
        let email = agent_email(agent);
        let searched = query.get("searchStr").map(str::to_lowercase);
        let searched = searched.as_deref().map(|text| text.trim_matches('*'));
        query.get("status").is_none_or(|status| match status {
            "ACTIVE" => active,
            "DISABLED" => !active,
            _ => false,
        }) && query
            .flag("isConfirmed")
            .is_none_or(|wanted| wanted == active)
            && query.flag("isLightAgent") != Some(true)
            && query
                .ids("departmentIds")
                .is_none_or(|ids| ids.contains(&department))
            && searched.is_none_or(|text| name.contains(text) || email.contains(text))
            && query
                .get("rolePermissionType")
                .is_none_or(|kind| kind == if agent == 0 { "Admin" } else { "AgentPersonal" })
            && ["roleIds", "profileIds"]
                .into_iter()
                .filter_map(|name| Some((name, query.list(name)?)))
                .all(|(name, ids)| {
                    let key = if name == "roleIds" {
                        "roleId"
                    } else {
                        "profileId"
                    };
                    let row = account.agent_row(agent);
                    ids.iter()
                        .any(|id| row.contains(&format!("\"{key}\":\"{id}\"")))
                })
    }

    pub(super) fn departments(&self) -> Content {
        let (account, query) = (self.account, self.query);
        let searched = query.get("searchStr").map(str::to_lowercase);
        let chosen: Vec<u32> = account
            .departments()
            .filter(|&department| {
                let facts = account.department(department);
                let name = facts.name.to_lowercase();
                query
                    .flag("isEnabled")
                    .is_none_or(|wanted| wanted == facts.enabled)
                    && query.get("chatStatus").is_none_or(|status| match status {
                        "AVAILABLE" => facts.chat,
                        "DISABLED" => false,
                        _ => !facts.chat,
                    })
                    && searched
                        .as_deref()
                        .is_none_or(|text| name.contains(text.trim_matches('*')))
            })
            .collect();
        let page = self.window.cut(&chosen, false);
        rows(
            page.into_iter()
                .map(|department| account.department_row(department))
                .collect(),
        )
    }

    pub(super) fn tags(&self) -> Content {
        let account = self.account;
        let department = self.query.id("departmentId");
        let department = department.and_then(|id| account.find_department(id));
        let mut tags = department.map_or_else(Vec::new, |row| account.tags(row));
        let (key, descending) = self.query.sort().unwrap_or(("createdTime", true));
        if key == "count" {
            tags.sort_by_key(|tag| tag.tickets);
        } else {
            tags.sort_by_key(|tag| tag.created);
        }
        let page = self.window.cut(&tags, descending);
        rows(page.iter().map(Account::tag_row).collect())
    }
}
