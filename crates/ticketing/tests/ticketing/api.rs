//! What `ticket-api` asks for.

use std::time::Duration;

use serde_json::{Value, json};
use simulators::zoho::{Fault, FaultRule};
use state::Paging;
use ticketing::{Created, Error, NewRequest, TicketFilter, Viewer};

use crate::world::{PATIENCE, World, client, comments, flat, staff};

fn request(metadata: &Value) -> NewRequest {
    serde_json::from_value(json!({
        "query": "I need to upgrade my disk storage",
        "user_id": "john@company.com",
        "metadata": metadata,
    }))
    .unwrap()
}

fn disk() -> NewRequest {
    request(&json!({
        "subject": "Disk Space Upgrade Request",
        "priority": "Medium",
        "workflow_type": "disk_upgrade",
        "server": "db-7",
    }))
}

#[tokio::test]
async fn a_request_becomes_a_ticket_once_for_each_key() {
    let world = World::start().await;
    let create = |request: NewRequest, key: &'static str| {
        let world = world.clone();
        async move {
            world
                .tickets
                .create(&client(), &request, Some(key), PATIENCE)
                .await
        }
    };
    let Created::Ticket {
        id,
        number,
        reference,
    } = create(disk(), "k1").await.unwrap()
    else {
        panic!("late");
    };
    let (again, at_once) = tokio::join!(create(disk(), "k1"), create(disk(), "k1"));
    let same = Created::Ticket {
        id: id.clone(),
        number,
        reference: reference.clone(),
    };
    assert_eq!((again.unwrap(), at_once.unwrap()), (same.clone(), same));
    let other = create(request(&json!({})), "k1").await;
    assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
    assert_ne!(
        create(disk(), "k2").await.unwrap(),
        Created::Later {
            reference: reference.clone()
        }
    );

    let ticket = &world.desk_tickets(&reference)[0];
    assert_eq!(ticket["subject"], "Disk Space Upgrade Request");
    assert_eq!(ticket["cf"]["cf_workflow_type"], "disk_upgrade");
    let description = ticket["description"].as_str().unwrap();
    assert!(description.contains("server: db-7"), "{description}");
    assert!(
        description.contains("I need to upgrade my disk storage"),
        "{description}"
    );
    world.drain().await;
    assert_eq!(world.zoho.written_tickets().len(), 2);
    let session = world
        .conversations
        .session(&reference, &staff())
        .await
        .unwrap();
    assert_eq!(session.ticket_id, Some(id));
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_ticket_of_a_request() {
    let world = World::start().await;
    world
        .zoho
        .add_fault(FaultRule::next(1, Fault::LoseAnswer { status: None }).on("POST tickets"));
    let Created::Later { reference } = world
        .tickets
        .create(&client(), &disk(), Some("k"), PATIENCE)
        .await
        .unwrap()
    else {
        panic!("made");
    };
    world.drain().await;
    let again = world
        .tickets
        .create(&client(), &disk(), Some("k"), PATIENCE)
        .await
        .unwrap();
    assert!(matches!(again, Created::Ticket { .. }));
    assert_eq!(world.desk_tickets(&reference).len(), 1);
}

#[tokio::test]
async fn what_a_request_lacks_is_named() {
    let world = World::start().await;
    let mut bad_email = disk();
    bad_email.user_id = "john".to_owned();
    let mut empty = disk();
    empty.query = " ".to_owned();
    for (request, named) in [
        (bad_email, "user_id"),
        (empty, "query"),
        (
            request(&json!({"priority": "Urgent!"})),
            "metadata.priority",
        ),
        (
            request(&json!({"workflow_type": "a b"})),
            "metadata.workflow_type",
        ),
        (
            request(&json!({"subject": "x".repeat(300)})),
            "metadata.subject",
        ),
        (request(&json!({"nested": {"a": 1}})), "metadata"),
    ] {
        let refused = world
            .tickets
            .create(&client(), &request, None, PATIENCE)
            .await;
        assert!(
            matches!(&refused, Err(Error::Invalid { field, .. }) if *field == named),
            "{named}: {refused:?}"
        );
    }
    assert!(world.aws.items(crate::world::TABLE).is_empty());
}

#[tokio::test]
async fn visitors_see_their_own_tickets_and_no_internal_comments() {
    let world = World::start().await;
    for (chat, email) in [("mine", "ann@company.com"), ("theirs", "bob@company.com")] {
        for text in ["I forgot my password", "user.name", "1234"] {
            let delivery = flat(chat, text, &json!({"visitor_email": email}));
            world.deliver(&delivery).await.unwrap();
        }
    }
    world.drain().await;
    let id_of = |chat: &str| {
        world.desk_tickets(chat)[0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (mine, theirs) = (id_of("mine"), id_of("theirs"));
    let ann = Viewer::Visitor {
        chat_id: "mine".to_owned(),
    };
    let tickets = &world.tickets;
    let told = tickets
        .comment(&mine, &staff(), "Secret note", true, PATIENCE)
        .await
        .unwrap();
    tickets
        .comment(&mine, &staff(), "We are on it", false, PATIENCE)
        .await
        .unwrap();
    tickets
        .comment(&mine, &ann, "Thank you", false, PATIENCE)
        .await
        .unwrap();

    let seen = tickets.comments(&mine, &ann, PATIENCE).await.unwrap();
    let texts: Vec<&str> = seen
        .iter()
        .map(|comment| comment.content.as_str())
        .collect();
    assert_eq!(texts, ["We are on it", "Thank you"]);
    let all = tickets.comments(&mine, &staff(), PATIENCE).await.unwrap();
    assert!(
        all.iter()
            .any(|comment| comment.id == told && !comment.is_public)
    );

    let own = tickets.ticket(&mine, &ann, PATIENCE).await.unwrap();
    assert_eq!(
        (own.email.as_deref(), own.web_url),
        (Some("ann@company.com"), None)
    );
    assert!(tickets.ticket(&theirs, &staff(), PATIENCE).await.is_ok());
    let somebody_elses = world.zoho.ids("tickets", 1).remove(0);
    for id in [theirs.as_str(), &somebody_elses, "12", "x/../1"] {
        for refused in [
            tickets.ticket(id, &ann, PATIENCE).await.map(|_| ()),
            tickets.comments(id, &ann, PATIENCE).await.map(|_| ()),
            tickets
                .comment(id, &ann, "hi", false, PATIENCE)
                .await
                .map(|_| ()),
        ] {
            assert!(
                matches!(refused, Err(Error::NotFound { what: "ticket" })),
                "{id}: {refused:?}"
            );
        }
    }
    let internal = tickets.comment(&mine, &ann, "hi", true, PATIENCE).await;
    assert!(matches!(
        internal,
        Err(Error::Invalid {
            field: "is_internal",
            ..
        })
    ));
    assert!(world.conversations.session("mine", &ann).await.is_ok());
    let other = world.conversations.session("theirs", &ann).await;
    assert!(
        matches!(other, Err(Error::NotFound { what: "chat" })),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_comment_whose_answer_got_lost_is_found() {
    let world = World::start().await;
    world.talk("c", &["My disk is full", "50 GB"]).await;
    world.drain().await;
    let id = world.desk_tickets("c")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let lost = Fault::LoseAnswer { status: None };
    world
        .zoho
        .add_fault(FaultRule::next(1, lost).on("POST tickets/{id}/comments"));
    world
        .tickets
        .comment(&id, &staff(), "Once only", false, PATIENCE)
        .await
        .unwrap();
    let ticket = &world.desk_tickets("c")[0];
    assert_eq!(comments(ticket).matches("Once only").count(), 1);
}

#[tokio::test]
async fn tickets_are_listed_by_source_workflow_and_status() {
    let world = World::start().await;
    for n in 0..3 {
        world
            .talk(
                &format!("p{n}"),
                &["I forgot my password", "john.doe", "1234"],
            )
            .await;
    }
    world.talk("d", &["My disk is full", "50 GB"]).await;
    world.drain().await;
    let disk = world.desk_tickets("d")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .tickets
        .set_status(&disk, &client(), "Closed", PATIENCE)
        .await
        .unwrap();

    let all = TicketFilter::default();
    let source = |source: &str| TicketFilter {
        source: Some(source.to_owned()),
        ..all.clone()
    };
    let workflow = |id: &str| TicketFilter {
        workflow_type: Some(id.to_owned()),
        ..all.clone()
    };
    let status = |status: &str| TicketFilter {
        status: Some(status.to_owned()),
        ..all.clone()
    };
    for (filter, count) in [
        (all.clone(), 4),
        (source("acebuddy"), 4),
        (source("other"), 0),
        (workflow("password_reset"), 3),
        (status("Open"), 3),
        (status("closed"), 1),
    ] {
        let listed = world.tickets.list(&filter).await.unwrap();
        assert_eq!(listed.tickets.len(), count, "{filter:?}");
    }
    let mut page = TicketFilter {
        limit: 3,
        ..all.clone()
    };
    let first = world.tickets.list(&page).await.unwrap();
    page.cursor = first.cursor;
    let second = world.tickets.list(&page).await.unwrap();
    assert_eq!((first.tickets.len(), second.tickets.len()), (3, 1));
    for (filter, named) in [
        (
            TicketFilter {
                limit: 0,
                ..all.clone()
            },
            "limit",
        ),
        (
            TicketFilter {
                cursor: Some("x".to_owned()),
                ..all
            },
            "cursor",
        ),
    ] {
        let refused = world.tickets.list(&filter).await;
        assert!(matches!(&refused, Err(Error::Invalid { field, .. }) if *field == named));
    }
    let unknown = world
        .tickets
        .set_status(&disk, &client(), "Vanished", PATIENCE)
        .await;
    assert!(
        matches!(&unknown, Err(Error::Invalid { field: "status", why }) if why.contains("Closed")),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn every_change_is_in_the_audit_trail_without_people() {
    let world = World::start().await;
    world.talk("c", &["My disk is full", "50 GB"]).await;
    world.drain().await;
    let id = world.desk_tickets("c")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .tickets
        .comment(&id, &staff(), "Hello John", false, PATIENCE)
        .await
        .unwrap();
    world
        .tickets
        .set_status(&id, &client(), "Closed", PATIENCE)
        .await
        .unwrap();
    let trail = |target: String| {
        let audit = world.state.audit.clone();
        async move {
            audit
                .by_target(&target, &Paging::first(50))
                .await
                .unwrap()
                .items
        }
    };
    let of_ticket = trail(format!("ticket:{id}")).await;
    let actions: Vec<(&str, &str)> = of_ticket
        .iter()
        .map(|entry| (entry.action.as_str(), entry.actor.as_str()))
        .collect();
    assert_eq!(
        actions,
        [
            ("ticket.create", "worker"),
            ("ticket.comment", "client:key1"),
            ("ticket.status", "client:key1")
        ]
    );
    let of_chat = trail("chat:c".to_owned()).await;
    assert_eq!(of_chat[0].action, "ticket.due");
    let text = serde_json::to_string(&[of_ticket, of_chat]).unwrap();
    for personal in ["john@company.com", "John", "50 GB"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[tokio::test]
async fn the_connection_is_tested_by_the_organisation() {
    let world = World::start().await;
    let connection = world.tickets.test_connection(PATIENCE).await.unwrap();
    assert_eq!(connection.org_id, world.zoho.options().org_id);
    world.zoho.add_fault(FaultRule::always(Fault::ServerError));
    let down = world.tickets.test_connection(Duration::from_secs(1)).await;
    assert!(down.is_err_and(|error| error.is_transient()));
}
