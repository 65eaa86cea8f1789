//! What can be done beside reading.

use std::time::Duration;

use engine::{Error, Kind, Source as _};
use reports::ZOHO_DESK;
use serde_json::{Value, json};
use simulators::zoho::{Fault, FaultRule};
use vendor_http::Deadline;

use crate::portal::Portal;

async fn act(portal: &Portal, action: &str, parameters: Value) -> Result<Value, Error> {
    let deadline = Deadline::after(Duration::from_secs(20));
    portal.source().act(action, &parameters, deadline).await
}

fn department(portal: &Portal) -> String {
    let rows = portal.zoho.truth("departments", "").unwrap();
    let row: Value = serde_json::from_str(&rows[0].row).unwrap();
    row["id"].as_str().unwrap().to_owned()
}

fn new_ticket(portal: &Portal) -> Value {
    json!({
        "subject": "Broken mug",
        "description": "It <fell>\nfrom the table",
        "departmentId": department(portal),
        "contact": {"lastName": "Lee", "email": "lee@example.com"},
    })
}

#[tokio::test]
async fn a_ticket_is_made_commented_on_closed_and_read() {
    let portal = Portal::with_tickets(1).await;
    let made = act(&portal, "create_ticket", new_ticket(&portal))
        .await
        .unwrap();
    assert_eq!(made["subject"], "Broken mug");
    let id = made["id"].as_str().unwrap();

    let comment = json!({"ticketId": id, "content": "On it", "isPublic": true});
    let comment = act(&portal, "add_comment", comment).await.unwrap();
    assert_eq!(
        (&comment["ticketId"], &comment["isPublic"]),
        (&json!(id), &json!(true))
    );

    let closed = json!({"ticketId": id, "status": "Closed"});
    let closed = act(&portal, "update_ticket_status", closed).await.unwrap();
    assert_eq!(closed["status"], "Closed");

    let read = act(&portal, "get_ticket", json!({"ticketId": id}))
        .await
        .unwrap();
    assert_eq!(
        (&read["id"], &read["status"]),
        (&json!(id), &json!("Closed"))
    );
    assert_eq!(read["description"], "It &lt;fell&gt;<br>from the table");

    let written = portal.zoho.written_tickets();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0]["comments"][0]["content"], "On it");
}

#[tokio::test]
async fn the_integrations_department_is_the_default() {
    let portal = Portal::with_tickets(1).await;
    let department = department(&portal);
    let mut ticket = new_ticket(&portal);
    ticket.as_object_mut().unwrap().remove("departmentId");
    let error = act(&portal, "create_ticket", ticket.clone())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("departmentId"), "{error}");
    let source = portal
        .source()
        .in_department(Some(department.parse().unwrap()));
    let deadline = Deadline::after(Duration::from_secs(20));
    let made = source
        .act("create_ticket", &ticket, deadline)
        .await
        .unwrap();
    assert_eq!(made["departmentId"], json!(department));
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_named_before_a_call() {
    let portal = Portal::with_tickets(1).await;
    let without = |field: &str| {
        let mut ticket = new_ticket(&portal);
        ticket.as_object_mut().unwrap().remove(field);
        ticket
    };
    let with = |field: &str, value: Value| {
        let mut ticket = new_ticket(&portal);
        ticket[field] = value;
        ticket
    };
    for (action, parameters, named) in [
        ("create_ticket", without("subject"), "subject"),
        ("create_ticket", without("contact"), "contactId"),
        ("create_ticket", with("contactId", json!("1")), "contact"),
        (
            "create_ticket",
            with("contact", json!({})),
            "contact.lastName",
        ),
        ("create_ticket", with("cf", json!({"cf_x": 1})), "cf.cf_x"),
        ("create_ticket", with("cf", json!({"x": "1"})), "cf/x"),
        ("create_ticket", with("colour", json!("red")), "colour"),
        ("get_ticket", json!({"ticketId": "../agents"}), "ticketId"),
        (
            "add_comment",
            json!({"ticketId": "1", "content": " "}),
            "content",
        ),
        ("update_ticket_status", json!({"ticketId": "1"}), "status"),
        ("delete_everything", json!({}), "no such action"),
    ] {
        let error = act(&portal, action, parameters).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        assert!(error.to_string().contains(named), "{named}: {error}");
        assert!(!error.may_have_happened());
    }
    assert_eq!(portal.zoho.stats().desk_requests(), 0);
}

#[tokio::test]
async fn what_the_vendor_refuses_did_not_happen() {
    let portal = Portal::with_tickets(1).await;
    for (action, parameters) in [
        ("get_ticket", json!({"ticketId": "1"})),
        (
            "update_ticket_status",
            json!({"ticketId": "1", "status": "Closed"}),
        ),
        ("add_comment", json!({"ticketId": "1", "content": "x"})),
        ("create_ticket", {
            let mut ticket = new_ticket(&portal);
            ticket["departmentId"] = json!("1");
            ticket
        }),
    ] {
        let error = act(&portal, action, parameters).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{action}: {error}");
        assert!(!error.may_have_happened(), "{action}: {error}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unsettled_and_not_sent_again() {
    let portal = Portal::with_tickets(1).await;
    let lost = Fault::LoseAnswer { status: None };
    portal.zoho.add_fault(FaultRule::always(lost).on_writes());
    let error = act(&portal, "create_ticket", new_ticket(&portal))
        .await
        .unwrap_err();
    assert!(error.may_have_happened() && error.is_transient(), "{error}");
    assert_eq!(portal.zoho.written_tickets().len(), 1);
}

#[test]
fn actions_are_those_of_the_platform() {
    let names: Vec<&str> = ZOHO_DESK.actions.iter().map(|action| action.name).collect();
    let expected = [
        "create_ticket",
        "update_ticket_status",
        "add_comment",
        "get_ticket",
    ];
    assert_eq!(names, expected);
}
