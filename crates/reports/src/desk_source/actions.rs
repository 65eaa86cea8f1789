use std::collections::BTreeMap;

use engine::{Action, Error, Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use zoho_desk::{
    CommentText, ContactRef, Description, Desk, Document, EntityId, NewComment, NewContact,
    NewTicket, Subject, Ticket, TicketChange,
};

use crate::failure::of_action;

/// What can be done on a Zoho Desk account.
pub(super) const ACTIONS: &[Action] = &[
    Action {
        name: "create_ticket",
        description: "Makes a ticket for a contact. Sent once: if the answer is lost, look for the ticket before trying again.",
        parameters: r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["subject"],
  "properties": {
    "subject": {"type": "string", "minLength": 1, "maxLength": 1000},
    "description": {"type": "string", "maxLength": 30000, "description": "Plain text"},
    "departmentId": {"type": "string", "pattern": "^[0-9]{1,20}$", "description": "Required unless the integration has a department"},
    "contactId": {"type": "string", "pattern": "^[0-9]{1,20}$", "description": "This or `contact`"},
    "contact": {
      "type": "object",
      "additionalProperties": false,
      "required": ["lastName"],
      "description": "The contact with this e-mail is taken, or else made",
      "properties": {
        "firstName": {"type": "string", "maxLength": 80},
        "lastName": {"type": "string", "minLength": 1, "maxLength": 80},
        "email": {"type": "string", "maxLength": 150},
        "phone": {"type": "string", "maxLength": 120}
      }
    },
    "status": {"type": "string", "minLength": 1, "maxLength": 120},
    "priority": {"type": "string", "minLength": 1, "maxLength": 120},
    "channel": {"type": "string", "minLength": 1, "maxLength": 120},
    "category": {"type": "string", "minLength": 1, "maxLength": 120},
    "classification": {"type": "string", "minLength": 1, "maxLength": 120},
    "email": {"type": "string", "maxLength": 150},
    "phone": {"type": "string", "maxLength": 120},
    "assigneeId": {"type": "string", "pattern": "^[0-9]{1,20}$"},
    "cf": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 255}, "description": "Custom fields by API name (cf_…)"}
  }
}"#,
    },
    Action {
        name: "update_ticket_status",
        description: "Gives a ticket another status.",
        parameters: r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["ticketId", "status"],
  "properties": {
    "ticketId": {"type": "string", "pattern": "^[0-9]{1,20}$"},
    "status": {"type": "string", "minLength": 1, "maxLength": 120, "description": "As the account calls it, e.g. Closed"}
  }
}"#,
    },
    Action {
        name: "add_comment",
        description: "Adds a comment to a ticket. Sent once: if the answer is lost, look at the ticket before trying again.",
        parameters: r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["ticketId", "content"],
  "properties": {
    "ticketId": {"type": "string", "pattern": "^[0-9]{1,20}$"},
    "content": {"type": "string", "minLength": 1, "maxLength": 31000, "description": "Plain text"},
    "isPublic": {"type": "boolean", "description": "Whether the contact sees it, too; false if left out"}
  }
}"#,
    },
    Action {
        name: "get_ticket",
        description: "Reads a ticket, as Zoho Desk has it.",
        parameters: r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["ticketId"],
  "properties": {"ticketId": {"type": "string", "pattern": "^[0-9]{1,20}$"}}
}"#,
    },
];

/// Parameters that passed their schema.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TicketParameters {
    subject: String,
    description: Option<String>,
    department_id: Option<EntityId>,
    contact_id: Option<EntityId>,
    contact: Option<ContactParameters>,
    status: Option<String>,
    priority: Option<String>,
    channel: Option<String>,
    category: Option<String>,
    classification: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    assignee_id: Option<EntityId>,
    #[serde(default)]
    cf: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContactParameters {
    first_name: Option<String>,
    last_name: String,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusParameters {
    ticket_id: EntityId,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommentParameters {
    ticket_id: EntityId,
    content: String,
    #[serde(default)]
    is_public: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadParameters {
    ticket_id: EntityId,
}

/// Carries out `action`; `department` is the one that new tickets go to by default.
pub(super) async fn carry_out(
    desk: Desk,
    department: Option<&EntityId>,
    action: &str,
    parameters: &Value,
) -> Result<Value, Error> {
    let known = ACTIONS.iter().find(|known| known.name == action);
    let known = known.ok_or_else(|| {
        let names: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
        refused(format!(
            "Zoho Desk has no such action; it has {}",
            names.join(", ")
        ))
    })?;
    if let Some(problem) = known.check(parameters).first() {
        return Err(refused(format!("`{}` {}", problem.field, problem.message)));
    }
    match known.name {
        "create_ticket" => create_ticket(&desk, department, read(parameters)?).await,
        "update_ticket_status" => update_status(&desk, read(parameters)?).await,
        "add_comment" => add_comment(&desk, read(parameters)?).await,
        _ => get_ticket(&desk, read(parameters)?).await,
    }
}

fn read<T: for<'de> Deserialize<'de>>(parameters: &Value) -> Result<T, Error> {
    T::deserialize(parameters)
        .map_err(|_| refused("`parameters` cannot be read; compare them with the action's schema"))
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Refused, why)
}

async fn create_ticket(
    desk: &Desk,
    department: Option<&EntityId>,
    parameters: TicketParameters,
) -> Result<Value, Error> {
    let department = parameters
        .department_id
        .as_ref()
        .or(department)
        .ok_or_else(|| {
            refused("`parameters.departmentId` is missing, and the integration has no department")
        })?;
    let contact = match (parameters.contact_id, parameters.contact) {
        (Some(id), None) => ContactRef::Id(id),
        (None, Some(contact)) => ContactRef::New(NewContact {
            first_name: contact.first_name,
            last_name: contact.last_name,
            email: contact.email,
            phone: contact.phone,
        }),
        (None, None) => {
            return Err(refused(
                "`parameters.contactId` is missing; give it, or `contact`",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(refused(
                "`parameters.contact` and `contactId` are both there; give one of them",
            ));
        }
    };
    let subject = Subject::cut(&parameters.subject);
    let ticket = NewTicket {
        description: parameters.description.as_deref().map(Description::of_text),
        status: parameters.status,
        priority: parameters.priority,
        channel: parameters.channel,
        category: parameters.category,
        classification: parameters.classification,
        email: parameters.email,
        phone: parameters.phone,
        assignee_id: parameters.assignee_id,
        cf: parameters.cf,
        ..NewTicket::new(department.clone(), contact, subject)
    };
    let ticket = desk.create_ticket(&ticket).await.map_err(of_action)?;
    Ok(shown(&ticket))
}

async fn update_status(desk: &Desk, parameters: StatusParameters) -> Result<Value, Error> {
    let change = TicketChange::status(parameters.status);
    let ticket = desk.update_ticket(&parameters.ticket_id, &change).await;
    Ok(shown(&ticket.map_err(of_action)?))
}

async fn add_comment(desk: &Desk, parameters: CommentParameters) -> Result<Value, Error> {
    let content = CommentText::cut(&parameters.content)
        .ok_or_else(|| refused("`parameters.content` is empty"))?;
    let comment = if parameters.is_public {
        NewComment::public(content)
    } else {
        NewComment::internal(content)
    };
    let ticket = &parameters.ticket_id;
    let comment = desk
        .add_comment(ticket, &comment)
        .await
        .map_err(of_action)?;
    Ok(json!({
        "id": comment.id,
        "ticketId": ticket,
        "isPublic": comment.is_public,
        "commentedTime": comment.commented_time,
    }))
}

async fn get_ticket(desk: &Desk, parameters: ReadParameters) -> Result<Value, Error> {
    let path = format!("/tickets/{}", parameters.ticket_id);
    let document = desk.document(&path, []).await.map_err(of_action)?;
    let ticket = match &document {
        Document::Value(value) => serde_json::from_slice(value).ok(),
        Document::Rows(_) | Document::Empty => None,
    };
    ticket.ok_or_else(|| {
        of_action(zoho_desk::Error::Malformed {
            path,
            why: "it is no ticket".to_owned(),
        })
    })
}

/// What an action tells of the ticket that it wrote, in the vendor's names.
fn shown(ticket: &Ticket) -> Value {
    json!({
        "id": ticket.id,
        "ticketNumber": ticket.ticket_number,
        "webUrl": ticket.web_url,
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "departmentId": ticket.department_id,
        "contactId": ticket.contact_id,
        "assigneeId": ticket.assignee_id,
        "createdTime": ticket.created_time,
        "modifiedTime": ticket.modified_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_and_what_is_read_agree() {
        for (action, parameters) in [
            (
                "create_ticket",
                json!({"subject": "x", "contact": {"lastName": "Lee"}, "cf": {"cf_a": "b"}}),
            ),
            (
                "update_ticket_status",
                json!({"ticketId": "1", "status": "Closed"}),
            ),
            (
                "add_comment",
                json!({"ticketId": "1", "content": "x", "isPublic": true}),
            ),
            ("get_ticket", json!({"ticketId": "1"})),
        ] {
            let action = ACTIONS.iter().find(|known| known.name == action).unwrap();
            assert_eq!(action.check(&parameters), [], "{}", action.name);
            let read = match action.name {
                "create_ticket" => read::<TicketParameters>(&parameters).map(|_| ()),
                "update_ticket_status" => read::<StatusParameters>(&parameters).map(|_| ()),
                "add_comment" => read::<CommentParameters>(&parameters).map(|_| ()),
                _ => read::<ReadParameters>(&parameters).map(|_| ()),
            };
            assert!(read.is_ok(), "{}", action.name);
        }
    }

    #[test]
    fn a_description_of_the_longest_kind_is_sent_whole() {
        let create = ACTIONS[0].parameters;
        let schema: Value = serde_json::from_str(create).unwrap();
        let most = schema["properties"]["description"]["maxLength"]
            .as_u64()
            .unwrap() as usize;
        let html = Description::of_text(&"x".repeat(most));
        assert_eq!(html.as_str().len(), most);
    }
}
