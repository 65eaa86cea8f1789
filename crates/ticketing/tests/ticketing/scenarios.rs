//! The requirement's three scenarios.

use notify::Kind;
use serde_json::json;
use state::TicketState;
use ticketing::DeskChange;
use zoho_desk::StatusType;

use crate::world::{World, client, comments, flat, staff};

#[tokio::test]
async fn a_forgotten_password_becomes_a_ticket_with_history_and_mails() {
    let world = World::start().await;
    let asked = world.say("chat_123", "I forgot my password").await;
    assert_eq!(asked.text, ["What's your username or email?"]);
    assert!(!asked.ticket_created && !asked.escalate);
    let reply = world
        .talk("chat_123", &["john.doe@company.com", "1234"])
        .await;

    let tickets = world.desk_tickets("chat_123");
    assert_eq!(tickets.len(), 1);
    let ticket = &tickets[0];
    let (id, number) = (
        ticket["id"].as_str().unwrap(),
        ticket["ticketNumber"].as_str().unwrap(),
    );
    assert!(reply.ticket_created && !reply.pending);
    let told = reply.text.join("\n");
    for part in [
        "Your request has been logged!",
        id,
        number,
        "john@company.com",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(reply.ticket.as_ref().unwrap().id, id);

    for (field, value) in [
        ("subject", "Password Reset - John Doe"),
        ("priority", "Medium"),
        ("category", "Account Management"),
        ("status", "Open"),
        ("channel", "Chat"),
        ("email", "john@company.com"),
        ("phone", "555-1234"),
    ] {
        assert_eq!(ticket[field], value, "{field}");
    }
    assert_eq!(ticket["departmentId"], world.zoho.ids("departments", 1)[0]);
    assert_eq!(ticket["assigneeId"], world.zoho.ids("agents", 1)[0]);
    let fields = [
        ("cf_workflow_type", "password_reset"),
        ("cf_automation_source", "AceBuddy"),
        ("cf_salesiq_chat_id", "chat_123"),
        ("cf_salesiq_visitor_id", "visitor_456"),
    ];
    for (field, value) in fields {
        assert_eq!(ticket["cf"][field], value, "{field}");
    }
    let description = ticket["description"].as_str().unwrap();
    for part in [
        "Username or email: john.doe@company.com",
        "not verified",
        "I forgot my password",
    ] {
        assert!(description.contains(part), "{part} in {description}");
    }
    assert!(!description.contains("1234"), "sensitive: {description}");

    world.drain().await;
    let tickets = world.desk_tickets("chat_123");
    let history = comments(&tickets[0]);
    assert_eq!(tickets[0]["comments"].as_array().unwrap().len(), 1);
    assert_eq!(tickets[0]["comments"][0]["isPublic"], false);
    for line in [
        "Customer: I forgot my password",
        "Bot: What's your username or email?",
        "Customer: john.doe@company.com",
        "Customer: 1234",
        "[deskbridge chat_123/1 messages 1-6]",
    ] {
        assert!(history.contains(line), "{line} in {history}");
    }

    let mails = world.mails().await;
    assert_eq!(mails.len(), 2, "{mails:?}");
    let to_visitor = mails
        .iter()
        .find(|mail| mail.job.kind == Kind::VisitorConfirmation)
        .unwrap();
    assert_eq!(to_visitor.to, "john@company.com");
    assert!(to_visitor.text.contains(number));
    let alert = mails
        .iter()
        .find(|mail| mail.job.kind == Kind::SupportAlert)
        .unwrap();
    assert_eq!(alert.to, "team@company.com");
    assert_eq!(alert.subject, "New Ticket - Password Reset - John Doe");
    for part in [
        id,
        "AceBuddy (SalesIQ)",
        "Process password reset request",
        "I forgot my password",
    ] {
        assert!(alert.text.contains(part), "{part} in {}", alert.text);
    }
    assert!(!alert.text.contains("1234\""), "sensitive: {}", alert.text);

    let session = world
        .conversations
        .session("chat_123", &staff())
        .await
        .unwrap();
    assert_eq!(session.ticket_id.as_deref(), Some(id));
    assert_eq!(session.visitor_name.as_deref(), Some("John Doe"));
    assert_eq!(session.message_count, 6);
    let stats = world.figures.between(None, None).await.unwrap();
    assert_eq!(
        (stats.tickets_created, stats.workflow_completion_rate),
        (1, Some(1.0))
    );
}

#[tokio::test]
async fn a_full_disk_asks_the_point_of_contact() {
    let world = World::start().await;
    let options = world.say("chat_2", "My disk is full").await;
    assert!(
        options.suggestions.iter().any(|plan| plan == "100 GB"),
        "{:?}",
        options.suggestions
    );
    assert!(world.say("chat_2", "100 GB").await.ticket_created);
    world.drain().await;
    let ticket = &world.desk_tickets("chat_2")[0];
    assert_eq!(ticket["priority"], "Low");
    assert!(
        ticket["description"]
            .as_str()
            .unwrap()
            .contains("POC approval")
    );
    let mails = world.mails().await;
    let approval = mails
        .iter()
        .find(|mail| mail.job.kind == Kind::ApprovalRequest)
        .unwrap();
    assert_eq!(approval.to, "poc@company.com");
    assert!(approval.text.contains("100 GB"), "{}", approval.text);
    assert_eq!(mails.len(), 3);
}

#[tokio::test]
async fn a_slow_server_is_urgent_and_its_closing_asks_how_it_was() {
    let world = World::start().await;
    let reply = world
        .talk("chat_3", &["Server is slow", "CPU 95 RAM 80 disk 60"])
        .await;
    assert!(reply.ticket_created);
    world.drain().await;
    world.mails().await;
    let id = reply.ticket.unwrap().id;
    assert_eq!(world.desk_tickets("chat_3")[0]["priority"], "High");

    let now_is = world
        .tickets
        .set_status(&id, &client(), "closed", std::time::Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(now_is, "Closed");
    // Desk's own event about it comes, too, more than once.
    let change = DeskChange {
        ticket_id: id.clone(),
        status: Some("Closed".to_owned()),
        status_type: Some(StatusType::Closed),
        closed_at: None,
    };
    for _ in 0..2 {
        assert!(
            world
                .tickets
                .desk_changed(&change, &ticketing::Actor::Desk)
                .await
                .unwrap()
        );
    }
    let mails = world.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(
        (mails[0].job.kind, mails[0].to.as_str()),
        (Kind::Survey, "john@company.com")
    );
    let record = &world.records("chat_3").await[0];
    assert!(matches!(record.state, TicketState::Made { .. }) && record.closed_at.is_some());

    let token = mails[0].text.split("token=").nth(1).unwrap();
    let token: String = token.chars().take_while(|c| *c != '&').collect();
    let token = secrecy::SecretString::from(token);
    let about = world.tickets.survey(&token).await.unwrap();
    assert_eq!(about.title, "Server Performance Issue");
    world.tickets.rate(&token, 4, Some("Quick!")).await.unwrap();
    let again = world.tickets.rate(&token, 1, None).await;
    assert!(
        matches!(again, Err(ticketing::Error::NotFound { what: "survey" })),
        "{again:?}"
    );
    let stats = world.figures.between(None, None).await.unwrap();
    assert_eq!((stats.ratings, stats.customer_satisfaction), (1, Some(4.0)));
    assert_eq!(stats.tickets_resolved, 1);
}

#[tokio::test]
async fn later_messages_become_further_comments_and_a_second_request_a_second_ticket() {
    let world = World::start().await;
    world
        .talk("c", &["I forgot my password", "john.doe", "1234"])
        .await;
    world.drain().await;
    world.say("c", "It is the account for the payroll").await;
    world.drain().await;
    let first = &world.desk_tickets("c")[0];
    assert!(comments(first).contains("Customer: It is the account for the payroll"));

    let reply = world.talk("c", &["My disk is full", "50 GB"]).await;
    assert!(reply.ticket_created);
    world.drain().await;
    let tickets = world.desk_tickets("c");
    assert_eq!(tickets.len(), 2);
    let second = comments(&tickets[1]);
    assert!(second.contains("[deskbridge c/2 messages") && second.contains("Customer: 50 GB"));
    assert!(!second.contains("I forgot my password"), "{second}");
}

#[tokio::test]
async fn unverified_addresses_go_to_a_person_where_the_settings_say_so() {
    let world = World::with(|_| {}, json!({"require_verified_email": true})).await;
    let reply = world.talk("c", &["My disk is full", "50 GB"]).await;
    assert!(reply.escalate && !reply.ticket_created);
    world.drain().await;
    assert!(world.desk_tickets("c").is_empty());
    let vouched = json!({"visitor_email_verified": true});
    for text in ["My disk is full", "50 GB"] {
        let delivery = flat("d", text, &vouched);
        world.deliver(&delivery).await.unwrap();
    }
    assert_eq!(world.desk_tickets("d").len(), 1);
}
