//! A person's data, shown and removed.

use serde_json::json;
use ticketing::Error;

use crate::world::{World, client, flat};

#[tokio::test]
async fn a_person_is_shown_everything_and_then_forgotten() {
    let world = World::start().await;
    for (chat, email, name) in [
        ("hers", "ann.secret@company.com", "Ann Secretperson"),
        ("his", "bob@company.com", "Bob Otherperson"),
    ] {
        for text in [
            "I forgot my password",
            "secretperson.login",
            "9876",
            "my secretperson note",
        ] {
            let more = json!({"visitor_email": email, "visitor_name": name, "visitor_id": "v-secretperson"});
            world.deliver(&flat(chat, text, &more)).await.unwrap();
        }
    }
    world.drain().await;
    world.mails().await;
    let export = world
        .people
        .export("ANN.secret@company.com", &client())
        .await
        .unwrap();
    assert_eq!(export.chats.len(), 1);
    let shown = serde_json::to_string(&export).unwrap();
    for part in [
        "Ann Secretperson",
        "secretperson.login",
        "my secretperson note",
    ] {
        assert!(shown.contains(part), "{part}");
    }
    assert!(!shown.contains("Otherperson"));

    let erased = world
        .people
        .erase("ann.secret@company.com", &client())
        .await
        .unwrap();
    assert_eq!(erased.chats, ["hers"]);
    assert_eq!(erased.desk_tickets.len(), 1);
    assert!(erased.next_step.contains("Zoho Desk still holds"));
    let his = world
        .people
        .erase("bob@company.com", &client())
        .await
        .unwrap();
    assert_eq!(his.chats, ["his"]);
    let left = world.everything().to_lowercase();
    for personal in [
        "secretperson",
        "ann.secret",
        "bob@",
        "otherperson",
        "9876",
        "555-1234",
    ] {
        assert!(!left.contains(personal), "{personal} is left: {left}");
    }
    let again = world
        .people
        .erase("ann.secret@company.com", &client())
        .await
        .unwrap();
    assert!(again.chats.is_empty());
    let invalid = world.people.export("ann", &client()).await;
    assert!(matches!(
        invalid,
        Err(Error::Invalid { field: "email", .. })
    ));
}

#[tokio::test]
async fn a_chat_goes_on_after_its_visitor_was_forgotten() {
    let world = World::start().await;
    world
        .talk("c", &["I forgot my password", "john.doe", "1234"])
        .await;
    world
        .people
        .erase("john@company.com", &client())
        .await
        .unwrap();
    world.drain().await;
    let reply = world.talk("c", &["My disk is full", "50 GB"]).await;
    assert!(reply.ticket_created, "{reply:?}");
    world.drain().await;
    assert_eq!(world.desk_tickets("c").len(), 2);
    let found = world
        .people
        .export("john@company.com", &client())
        .await
        .unwrap();
    assert_eq!(found.chats.len(), 1);
}
