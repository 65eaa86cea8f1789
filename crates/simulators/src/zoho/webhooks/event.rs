//! What happened, and who wants to know.

use serde_json::{Map, Value};

use super::Hook;

const EVENTS: &[&str] = &[
    "Ticket_Add",
    "Ticket_Update",
    "Ticket_Delete",
    "Ticket_Comment_Add",
    "Ticket_Comment_Update",
    "Ticket_Thread_Add",
    "Ticket_Attachment_Add",
    "Ticket_Attachment_Update",
    "Contact_Add",
    "Contact_Update",
    "Contact_Delete",
    "Account_Add",
    "Account_Update",
    "Account_Delete",
    "Agent_Add",
    "Agent_Update",
    "Agent_Delete",
    "Agent_Presence_Update",
    "Department_Add",
    "Department_Update",
    "Task_Add",
    "Task_Update",
    "Task_Delete",
    "Call_Add",
    "Call_Update",
    "Call_Delete",
    "Event_Add",
    "Event_Update",
    "Event_Delete",
];

const FILTERS: &[&str] = &[
    "departmentId",
    "departmentIds",
    "fields",
    "includePrevState",
    "direction",
];

/// Whether the vendor accepts this subscription.
pub(super) fn is_known(event: &str, filter: &Value) -> bool {
    let is_filter = |filter: &Map<String, Value>| {
        let fields = filter.get("fields").and_then(Value::as_array);
        filter.keys().all(|key| FILTERS.contains(&key.as_str()))
            && fields.is_none_or(|fields| fields.len() <= 5)
    };
    EVENTS.contains(&event)
        && match filter {
            Value::Null => true,
            Value::Object(filter) => is_filter(filter),
            _ => false,
        }
}

/// One change of the portal.
#[derive(Debug, Clone)]
pub(in crate::zoho) struct Event {
    pub(in crate::zoho) name: &'static str,
    pub(in crate::zoho) at_ms: i64,
    pub(in crate::zoho) department: Option<u64>,
    /// The entity afterwards, JSON.
    pub(in crate::zoho) payload: String,
    /// The entity before, JSON.
    pub(in crate::zoho) before: Option<String>,
    /// What changed.
    pub(in crate::zoho) fields: Vec<String>,
    pub(in crate::zoho) source_id: Option<String>,
}

impl Event {
    pub(in crate::zoho) fn new(name: &'static str, payload: String, at_ms: i64) -> Self {
        Self {
            name,
            at_ms,
            department: None,
            payload,
            before: None,
            fields: Vec::new(),
            source_id: None,
        }
    }

    /// The element of a delivery's array, `None` if `hook` does not want to know.
    pub(super) fn as_seen_by(&self, hook: &Hook, org_id: &str) -> Option<String> {
        let own = self.source_id.is_some() && self.source_id == hook.ignore_source_id;
        let filter = hook.subscriptions.get(self.name)?;
        if !hook.is_enabled || own || !self.passes(filter) {
            return None;
        }
        let wants_before = filter.get("includePrevState") == Some(&Value::Bool(true));
        let before = self.before.as_ref().filter(|_| wants_before);
        let before = before.map_or_else(String::new, |before| format!(",\"prevState\":{before}"));
        Some(format!(
            "{{\"payload\":{}{before},\"eventTime\":\"{}\",\"eventType\":\"{}\",\"orgId\":\"{org_id}\"}}",
            self.payload, self.at_ms, self.name
        ))
    }

    fn passes(&self, filter: &Value) -> bool {
        let texts = |key: &str| -> Option<Vec<String>> {
            let values = filter.get(key)?.as_array()?.iter();
            let text = |value: &Value| {
                let text = value.as_str().map(str::to_owned);
                text.unwrap_or_else(|| value.to_string())
            };
            Some(values.map(text).collect())
        };
        let departments = texts("departmentIds").or_else(|| texts("departmentId"));
        let fields = texts("fields").filter(|fields| !fields.is_empty());
        let department = self.department.map(|id| id.to_string());
        departments.is_none_or(|wanted| department.is_none_or(|id| wanted.contains(&id)))
            && fields.is_none_or(|wanted| self.fields.iter().any(|field| wanted.contains(field)))
    }
}
