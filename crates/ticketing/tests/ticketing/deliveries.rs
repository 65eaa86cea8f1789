//! Deliveries that come twice, out of order, or at once.

use jiff::SignedDuration;
use serde_json::json;
use ticketing::{Actor, Authentication, Error};
use webhook::salesiq::parse;

use crate::world::{PATIENCE, World, client, comments, flat, staff};

#[tokio::test]
async fn a_delivery_that_comes_again_changes_nothing_and_is_answered_alike() {
    let world = World::start().await;
    let first = flat("c", "I forgot my password", &json!({"message_id": "m1"}));
    let answer = world.deliver(&first).await.unwrap();
    let before = world.everything();
    world.clock.skip(SignedDuration::from_mins(5));
    assert_eq!(world.deliver(&first).await.unwrap(), answer);
    assert_eq!(world.everything(), before);
    let last = flat("c", "1234", &json!({"message_id": "m3"}));
    world
        .deliver(&flat("c", "john.doe", &json!({"message_id": "m2"})))
        .await
        .unwrap();
    let logged = world.deliver(&last).await.unwrap();
    assert!(logged.ticket_created);
    assert_eq!(world.deliver(&last).await.unwrap(), logged);
    world.drain().await;
    assert_eq!(world.desk_tickets("c").len(), 1);
}

#[tokio::test]
async fn a_chat_says_so_much_a_minute_through_whichever_process_and_its_retries_are_free() {
    let world = World::start().await;
    let processes = [(); 2].map(|()| world.conversations.clone().at_most_per_minute(3));
    let send = async |n: usize| {
        let delivery = flat(
            "c",
            &format!("hello {n}"),
            &json!({"message_id": n.to_string()}),
        );
        processes[n % 2]
            .deliver(&delivery, Authentication::Authenticated, PATIENCE)
            .await
    };
    let first = send(0).await.unwrap();
    let mut taken = 1;
    for n in 1..10 {
        match send(n).await {
            Ok(_) => taken += 1,
            Err(Error::TooMany { retry_after }) => {
                assert!((1..=60).contains(&retry_after.as_secs()), "{retry_after}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    // The clock may turn to another minute meanwhile.
    assert!(taken == 3 || taken == 6, "{taken}");
    assert_eq!(send(0).await.unwrap(), first);
    world.clock.skip(SignedDuration::from_mins(1));
    assert!(send(10).await.is_ok());
}

#[tokio::test]
async fn the_same_words_within_ten_seconds_are_one_message_where_nothing_else_tells() {
    let world = World::start().await;
    let first = world.say("c", "I forgot my password").await;
    let times = |history: Vec<String>| {
        history
            .iter()
            .filter(|text| *text == "I forgot my password")
            .count()
    };
    assert_eq!(world.say("c", "I forgot my password").await, first);
    assert_eq!(times(world.history("c").await), 1);
    world.clock.skip(SignedDuration::from_secs(11));
    world.say("c", "I forgot my password").await;
    assert_eq!(times(world.history("c").await), 2);
}

#[tokio::test]
async fn numbered_messages_wait_for_the_ones_before() {
    let world = World::start().await;
    let numbered = |text: &str, n: u32| flat("c", text, &json!({"sequence": n}));
    let waiting = world.deliver(&numbered("1234", 3)).await.unwrap();
    assert!(waiting.pending && waiting.text.is_empty());
    assert!(world.deliver(&numbered("1234", 3)).await.unwrap().pending);
    let asked = world
        .deliver(&numbered("I forgot my password", 1))
        .await
        .unwrap();
    assert_eq!(asked.text, ["What's your username or email?"]);
    let done = world.deliver(&numbered("john.doe", 2)).await.unwrap();
    assert!(done.ticket_created, "{done:?}");
    assert_eq!(
        world.history("c").await,
        [
            "I forgot my password",
            "What's your username or email?",
            "john.doe",
            "What's your registered phone? (last 4 digits)",
            "1234",
            "Thank you, that's all I need."
        ]
    );
    let late = world.deliver(&numbered("1234", 3)).await.unwrap();
    assert!(!late.pending, "it is not waiting any more");
}

#[tokio::test]
async fn a_message_that_never_comes_holds_nothing_up_for_longer_than_half_a_minute() {
    let world = World::start().await;
    let numbered = |text: &str, n: u32| flat("c", text, &json!({"sequence": n}));
    world
        .deliver(&numbered("I forgot my password", 1))
        .await
        .unwrap();
    assert!(
        world
            .deliver(&numbered("john.doe", 3))
            .await
            .unwrap()
            .pending
    );
    world.clock.skip(SignedDuration::from_secs(31));
    assert!(
        world
            .deliver(&numbered("1234", 4))
            .await
            .unwrap()
            .ticket_created
    );
    world
        .deliver(&numbered("Late but not lost", 2))
        .await
        .unwrap();
    world.drain().await;
    let tickets = world.desk_tickets("c");
    assert_eq!(tickets.len(), 1);
    assert!(comments(&tickets[0]).contains("Customer: Late but not lost"));
}

#[tokio::test]
async fn two_messages_of_one_chat_at_once_come_out_as_if_one_after_the_other() {
    let world = World::start().await;
    world.say("c", "I forgot my password").await;
    let (user, digits) = (
        flat("c", "john.doe", &json!({"message_id": "a"})),
        flat("c", "1234", &json!({"message_id": "b"})),
    );
    let (one, other) = tokio::join!(world.deliver(&user), world.deliver(&digits));
    let (one, other) = (one.unwrap(), other.unwrap());
    let history = world.history("c").await;
    for said in ["john.doe", "1234"] {
        assert_eq!(
            history.iter().filter(|text| *text == said).count(),
            1,
            "{history:?}"
        );
    }
    assert_ne!(one.text, other.text);
    let many = (0..8).map(|n| {
        let delivery = flat(
            "c",
            &format!("more {n}"),
            &json!({"message_id": format!("n{n}")}),
        );
        let world = world.clone();
        async move { world.deliver(&delivery).await.unwrap() }
    });
    futures_util::future::join_all(many).await;
    let history = world.history("c").await;
    for n in 0..8 {
        assert!(history.contains(&format!("more {n}")), "{history:?}");
    }
}

#[tokio::test]
async fn a_closed_chat_begins_anew_and_its_ticket_says_that_it_was_closed() {
    let world = World::start().await;
    world
        .talk("c", &["I forgot my password", "john.doe", "1234"])
        .await;
    world.drain().await;
    world.mails().await;
    for _ in 0..2 {
        world
            .conversations
            .close("c", &client(), PATIENCE)
            .await
            .unwrap();
    }
    world.drain().await;
    let ticket = &world.desk_tickets("c")[0];
    assert!(
        comments(ticket).contains("Note: Chat closed after 6 messages."),
        "{}",
        comments(ticket)
    );
    let mails = world.mails().await;
    assert_eq!(mails.len(), 1, "one survey: {mails:?}");
    let session = world.conversations.session("c", &staff()).await.unwrap();
    assert!(session.closed_at.is_some());

    let again = world.say("c", "Server is slow").await;
    assert!(again.text[0].contains("CPU"), "{again:?}");
    let session = world.conversations.session("c", &staff()).await.unwrap();
    assert_eq!(session.closed_at, None);
    let unknown = world
        .conversations
        .close("nobody", &Actor::Worker, PATIENCE)
        .await;
    assert!(matches!(unknown, Err(Error::NotFound { what: "chat" })));
}

#[tokio::test]
async fn an_event_webhook_beside_the_bot_says_nothing_twice() {
    let world = World::start().await;
    let event = |id: &str, text: &str| {
        let body = json!({
            "entity_type": "conversation", "event": "conversation.visitor.replied", "entity_id": "c",
            "org_id": "1", "app_id": id, "attempt": 1, "version": "1",
            "entity": {"id": "c", "visitor": {"id": "v1", "name": "Ann", "email_id": "ann@x.org"},
                "message": {"id": id, "text": text}},
        });
        parse(body.to_string().as_bytes()).unwrap()
    };
    world
        .deliver(&event("e1", "I forgot my password"))
        .await
        .unwrap();
    world.say("c", "I forgot my password").await;
    world.say("c", "john.doe").await;
    let silent = world.deliver(&event("e2", "john.doe")).await.unwrap();
    assert!(silent.text.is_empty());
    world.deliver(&event("e3", "Hello operator")).await.unwrap();
    let history = world.history("c").await;
    assert_eq!(
        history,
        [
            "I forgot my password",
            "What's your username or email?",
            "john.doe",
            "What's your registered phone? (last 4 digits)",
            "Hello operator"
        ]
    );
}

#[tokio::test]
async fn ended_and_rated_events_of_unknown_chats_store_nothing() {
    let world = World::start().await;
    let ended = parse(br#"{"chat_id": "ghost", "event": "ended"}"#).unwrap();
    let reply = world.deliver(&ended).await.unwrap();
    assert!(reply.text.is_empty());
    assert!(world.aws.items(crate::world::TABLE).is_empty());
}
