use std::collections::BTreeMap;
use std::time::Duration;

use notify::{EmailAddress, Link, Mailbox, ResolutionTimes, SupportContact};
use serde_json::Value;
use state::Retention;
use thiserror::Error;
use zoho_desk::EntityId;

use crate::keys::{Keys, wrong};

/// What the user decides about tickets: `config/zoho_desk_config.json`. The README lists the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The department that tickets are made in.
    pub department_id: EntityId,
    /// The agent who gets them; Desk's own rules decide if absent.
    pub default_assignee: Option<EntityId>,
    /// Where the chats come from, as descriptions and mails name it: `SalesIQ`.
    pub ticket_source: String,
    /// A ticket's channel in Desk: `Chat`.
    pub channel: String,
    /// A ticket's custom fields with one value for all tickets, by name.
    pub custom_fields: BTreeMap<String, String>,
    /// What Desk calls the custom fields.
    pub field_names: FieldNames,
    /// Whether chat history is written as public comments, which the customer sees in Desk's portal.
    pub public_history: bool,
    /// The sender of all mails.
    pub from_email: Mailbox,
    /// Who is told of new tickets. The first is also where answers to mails go.
    pub support_email: Vec<EmailAddress>,
    /// The team's name at the end of mails.
    pub support_team: String,
    /// Where the team can be called.
    pub support_phone: Option<String>,
    /// Who approves requests; without one, support is asked.
    pub poc_email: Option<EmailAddress>,
    /// The approver's name.
    pub poc_name: Option<String>,
    /// The page that surveys lead to.
    pub survey_page: Link,
    /// Named in mails.
    pub privacy_policy: Option<Link>,
    /// Whether a ticket is only made for a visitor whose address the sender of the chat vouches
    /// for; others are handed to a person.
    pub require_verified_email: bool,
    /// Days after its last change that a chat is deleted.
    pub retention_days: u32,
    /// What a visitor is told about the time to expect.
    pub expected_resolution: ResolutionTimes,
    /// How long after an unanswered request Desk may still do it.
    pub settle_after: Duration,
}

/// What differs from ticket to ticket.
pub(crate) struct Values<'a> {
    pub(crate) workflow_type: &'a str,
    pub(crate) chat_id: &'a str,
    pub(crate) visitor_id: Option<&'a str>,
}

/// API names of custom fields in Desk: `cf_` and the name, if the user says nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames {
    /// E.g. `cf_workflow_type`; `None` does not send it.
    pub workflow_type: Option<String>,
    /// Links the chat. Tells also whether a ticket was made when Desk's answer got lost, so it
    /// must be there.
    pub salesiq_chat_id: String,
    /// E.g. `cf_salesiq_visitor_id`; `None` does not send it.
    pub salesiq_visitor_id: Option<String>,
    /// Of constant fields, by name.
    pub constants: BTreeMap<String, String>,
}

/// The settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The file is no JSON object.
    #[error("the ticket settings are not a JSON object: {0}")]
    NotJson(String),
    /// A key is missing or has an unusable value.
    #[error("`{key}` in the ticket settings {why}")]
    Key {
        /// The key, with a path for nested ones.
        key: String,
        /// What would do.
        why: String,
    },
}

const CHAT_ID: &str = "salesiq_chat_id";
const VISITOR_ID: &str = "salesiq_visitor_id";
const WORKFLOW: &str = "workflow_type";
const SOURCE: &str = "automation_source";
const SETTLE_AFTER: Duration = Duration::from_secs(30);

impl Settings {
    /// Reads the file's text.
    pub fn parse(json: &str) -> Result<Self, SettingsError> {
        let value: Value = serde_json::from_str(json).map_err(|error| {
            SettingsError::NotJson(format!("line {}, column {}", error.line(), error.column()))
        })?;
        let Value::Object(map) = value else {
            return Err(SettingsError::NotJson("it must begin with {".to_owned()));
        };
        let mut keys = Keys::of(map);
        let settings = Self::read(&mut keys)?;
        keys.end()?;
        Ok(settings)
    }

    fn read(keys: &mut Keys) -> Result<Self, SettingsError> {
        let custom_fields = keys.texts("custom_fields")?;
        let names = keys.object("custom_field_names")?;
        let field_names = FieldNames::read(names, &custom_fields)?;
        Ok(Self {
            department_id: keys.id("department_id")?.ok_or_else(|| {
                wrong(
                    "department_id",
                    "is missing; copy it from Zoho Desk > Setup > Departments",
                )
            })?,
            default_assignee: keys.id("default_assignee")?,
            ticket_source: keys
                .line("ticket_source")?
                .unwrap_or_else(|| "SalesIQ".to_owned()),
            channel: keys.line("channel")?.unwrap_or_else(|| "Chat".to_owned()),
            custom_fields,
            field_names,
            public_history: keys.flag("public_history")?.unwrap_or(false),
            from_email: keys.mailbox("from_email")?,
            support_email: keys.emails("support_email")?,
            support_team: keys
                .line("support_team")?
                .unwrap_or_else(|| "Support".to_owned()),
            support_phone: keys.line("support_phone")?,
            poc_email: keys.email("poc_email")?,
            poc_name: keys.line("poc_name")?,
            survey_page: keys.survey_page("public_url")?,
            privacy_policy: keys.link("privacy_policy_url")?,
            require_verified_email: keys.flag("require_verified_email")?.unwrap_or(false),
            retention_days: keys.days("retention_days")?.unwrap_or(90),
            expected_resolution: keys.hours("expected_resolution_hours")?,
            settle_after: SETTLE_AFTER,
        })
    }

    /// The name of the automation, e.g. `AceBuddy`: the constant field `automation_source`.
    pub fn automation_source(&self) -> &str {
        self.custom_fields
            .get(SOURCE)
            .map_or("Deskbridge", String::as_str)
    }

    /// Automation and chat system as people read it: `AceBuddy (SalesIQ)`.
    pub(crate) fn source_name(&self) -> String {
        format!("{} ({})", self.automation_source(), self.ticket_source)
    }

    /// How long things are kept.
    pub fn retention(&self) -> Retention {
        Retention {
            chats_days: self.retention_days,
            ..Retention::default()
        }
    }

    /// Whom a visitor can turn to.
    pub(crate) fn support(&self) -> Option<SupportContact> {
        Some(SupportContact {
            team: self.support_team.clone(),
            email: self.support_email.first()?.clone(),
            phone: self.support_phone.clone(),
        })
    }

    /// The custom fields of a ticket, by API name.
    pub(crate) fn custom_values(&self, values: &Values<'_>) -> BTreeMap<String, String> {
        let names = &self.field_names;
        let mut fields: BTreeMap<String, String> = names
            .constants
            .iter()
            .filter_map(|(name, api)| Some((api.clone(), self.custom_fields.get(name)?.clone())))
            .collect();
        fields.insert(names.salesiq_chat_id.clone(), values.chat_id.to_owned());
        if let Some(api) = &names.workflow_type {
            fields.insert(api.clone(), values.workflow_type.to_owned());
        }
        if let (Some(api), Some(visitor)) = (&names.salesiq_visitor_id, values.visitor_id) {
            fields.insert(api.clone(), visitor.to_owned());
        }
        fields
    }
}

impl FieldNames {
    fn read(mut names: Keys, constants: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        for dynamic in [WORKFLOW, CHAT_ID, VISITOR_ID] {
            if constants.contains_key(dynamic) {
                return Err(wrong(
                    &format!("custom_fields.{dynamic}"),
                    "differs from ticket to ticket; name its field under `custom_field_names` instead",
                ));
            }
        }
        let chat_id = names.api_name(CHAT_ID)?.ok_or_else(|| {
            wrong(
                "custom_field_names.salesiq_chat_id",
                "must name a field; without it a ticket could be made twice",
            )
        })?;
        let read = Self {
            workflow_type: names.api_name(WORKFLOW)?,
            salesiq_chat_id: chat_id,
            salesiq_visitor_id: names.api_name(VISITOR_ID)?,
            constants: constants
                .keys()
                .filter_map(|name| {
                    let api_name = names.api_name(name).transpose()?;
                    Some(api_name.map(|api_name| (name.clone(), api_name)))
                })
                .collect::<Result<_, _>>()?,
        };
        names.end()?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"{
        "department_id": "900000000000007",
        "from_email": "support@company.com",
        "support_email": "support@company.com",
        "public_url": "https://support.company.com/"
    }"#;

    fn with(key: &str, value: Value) -> Result<Settings, SettingsError> {
        let mut file: Value = serde_json::from_str(LEAST).unwrap();
        file[key] = value;
        Settings::parse(&file.to_string())
    }

    #[test]
    fn a_short_file_has_sensible_defaults() {
        let settings = Settings::parse(LEAST).unwrap();
        assert_eq!(settings.channel, "Chat");
        assert_eq!(
            settings.survey_page.as_str(),
            "https://support.company.com/survey"
        );
        assert_eq!(settings.field_names.salesiq_chat_id, "cf_salesiq_chat_id");
        assert_eq!(
            settings.field_names.workflow_type.as_deref(),
            Some("cf_workflow_type")
        );
        assert_eq!(settings.expected_resolution, ResolutionTimes::default());
        assert_eq!(settings.settle_after, Duration::from_secs(30));
    }

    #[test]
    fn the_files_keys_are_used() {
        let settings = with(
            "custom_fields",
            serde_json::json!({"automation_source": "AceBuddy", "cf_team": "IT"}),
        )
        .unwrap();
        assert_eq!(settings.automation_source(), "AceBuddy");
        assert_eq!(
            settings.field_names.constants,
            BTreeMap::from([
                (
                    "automation_source".to_owned(),
                    "cf_automation_source".to_owned()
                ),
                ("cf_team".to_owned(), "cf_team".to_owned()),
            ])
        );
        let names = serde_json::json!({"salesiq_chat_id": "cf_chat", "salesiq_visitor_id": null});
        let settings = with("custom_field_names", names).unwrap();
        assert_eq!(settings.field_names.salesiq_chat_id, "cf_chat");
        assert_eq!(settings.field_names.salesiq_visitor_id, None);
        let hours = serde_json::json!({"High": 2});
        let settings = with("expected_resolution_hours", hours).unwrap();
        assert_eq!(settings.expected_resolution.of("High").hours(), 2);
        let two = serde_json::json!(["a@x.org", "b@x.org"]);
        assert_eq!(with("support_email", two).unwrap().support_email.len(), 2);
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_key() {
        let text = |text: &str| Value::from(text);
        let object = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        let cases = [
            ("department_id", Value::Null, "department_id"),
            ("department_id", text("your_department_id"), "department_id"),
            ("default_assignee", text("assignee_id"), "default_assignee"),
            ("channel", 7.into(), "channel"),
            ("from_email", text("support"), "from_email"),
            ("support_email", Value::Null, "support_email"),
            (
                "support_email",
                object(r#"["a@x.org", 1]"#),
                "support_email",
            ),
            ("poc_email", text("poc"), "poc_email"),
            ("public_url", text("support.company.com"), "public_url"),
            (
                "public_url",
                text("ftp://support.company.com"),
                "public_url",
            ),
            ("retention_days", 0.into(), "retention_days"),
            ("public_history", text("yes"), "public_history"),
            ("custom_fields", text("x"), "custom_fields"),
            (
                "custom_fields",
                object(r#"{"salesiq_chat_id": "c"}"#),
                "custom_fields.salesiq_chat_id",
            ),
            (
                "custom_field_names",
                object(r#"{"salesiq_chat_id": null}"#),
                "custom_field_names.salesiq_chat_id",
            ),
            (
                "custom_field_names",
                object(r#"{"workflow_type": "Workflow"}"#),
                "custom_field_names.workflow_type",
            ),
            (
                "custom_field_names",
                object(r#"{"colour": "cf_colour"}"#),
                "custom_field_names.colour",
            ),
            (
                "expected_resolution_hours",
                object(r#"{"High": 0}"#),
                "expected_resolution_hours.High",
            ),
            (
                "expected_resolution_hours",
                object(r#"{"Highest": 1}"#),
                "expected_resolution_hours.Highest",
            ),
            ("privacy_policy_url", text("privacy"), "privacy_policy_url"),
            ("departmnt", text("x"), "departmnt"),
        ];
        for (key, value, named) in cases {
            let refused = with(key, value).unwrap_err();
            assert!(
                matches!(&refused, SettingsError::Key { key, .. } if key == named),
                "{named}: {refused}"
            );
        }
        for no_object in ["", "[]", "{"] {
            assert!(matches!(
                Settings::parse(no_object),
                Err(SettingsError::NotJson(_))
            ));
        }
    }
}
