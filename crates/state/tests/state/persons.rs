use jiff::SignedDuration;
use serde_json::json;
use state::{Author, Consent, Session, SurveyAnswer};

use crate::harness::{Bench, chat, due, made};

const EMAIL: &str = "Jane.Roe@SECRET.example";

/// A chat whose every personal field says SECRET, and its ticket.
async fn personal_chat(bench: &Bench, id: &str) -> Session {
    let now = bench.now();
    let mut session = Session::new(chat(id), now);
    session.visitor = state::Visitor {
        id: Some("visitor SECRET".to_owned()),
        name: Some("Jane SECRET".to_owned()),
        email: Some(EMAIL.to_owned()),
        email_verified: true,
        phone: Some("SECRET 555".to_owned()),
        language: Some("de".to_owned()),
    };
    session.conversation = json!({ "username": "SECRET" });
    session.deliveries.remember("d1", json!("Hello SECRET"));
    assert!(session.held.hold(3, json!("SECRET")));
    session.consent = Some(Consent {
        given: true,
        at: now,
    });
    session.survey = Some(SurveyAnswer {
        stars: 5,
        comment: Some("SECRET".to_owned()),
        at: now,
    });
    session.tickets = 1;
    let messages: Vec<_> = (0..30)
        .map(|n| session.message(Author::Visitor, format!("SECRET {n}"), now))
        .collect();
    let mut ticket = due(id, 1, "password_reset", now);
    "Password Reset - Jane SECRET".clone_into(&mut ticket.origin.subject);
    ticket.origin.answers = json!({ "username": "SECRET" });
    ticket.origin.contact.name = Some("Jane SECRET".to_owned());
    ticket.origin.contact.email = Some(EMAIL.to_owned());
    ticket.origin.contact.phone = Some("SECRET".to_owned());
    ticket.state = made(&format!("desk-{id}"), now);
    let mut extra = bench.state.tickets.writes(&ticket).unwrap();
    extra.push(bench.state.persons.note(EMAIL, &chat(id)).unwrap());
    bench
        .state
        .sessions
        .commit(session, &messages, extra)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_export_has_all_chats_of_the_address_in_any_case() {
    let bench = Bench::start().await;
    let session = personal_chat(&bench, "c1").await;
    let mut api = due("api-1", 1, "general", bench.now());
    api.origin.contact.email = Some(EMAIL.to_owned());
    let mut writes = bench.state.tickets.writes(&api).unwrap();
    writes.push(bench.state.persons.note(EMAIL, &chat("api-1")).unwrap());
    bench.table.transact(writes).await.unwrap();
    bench.chat("c2", &["somebody else"]).await;

    let export = bench
        .state
        .persons
        .export(" jane.roe@secret.EXAMPLE ")
        .await
        .unwrap();
    let [from_api, chatted] = &export.chats[..] else {
        panic!("{export:?}");
    };
    assert!(chatted.session.as_ref() == Some(&session));
    assert_eq!(chatted.messages.len(), 30);
    assert_eq!(chatted.tickets[0].desk_id(), Some("desk-c1"));
    assert_eq!(from_api.chat_id, chat("api-1"));
    assert!(from_api.session.is_none() && from_api.tickets.len() == 1);
    let text = serde_json::to_string(&export).unwrap();
    assert!(text.contains("SECRET 29") && !text.contains("somebody else"));
    assert!(
        !format!("{export:?}").contains("SECRET"),
        "Debug names nobody"
    );
    let nobody = bench.state.persons.export("x@y.example").await.unwrap();
    assert!(nobody.chats.is_empty());
}

#[tokio::test]
async fn erasing_leaves_an_anonymous_record_and_nothing_personal() {
    let bench = Bench::start().await;
    personal_chat(&bench, "c1").await;
    personal_chat(&bench, "c2").await;
    bench.chat("c3", &["stays"]).await;
    assert!(bench.everything().contains("SECRET"));

    bench.pass(SignedDuration::from_hours(1));
    let erased = bench
        .state
        .persons
        .erase(&EMAIL.to_uppercase())
        .await
        .unwrap();
    assert_eq!(erased.chats, [chat("c1"), chat("c2")]);
    assert_eq!(erased.desk_tickets, ["desk-c1", "desk-c2"]);
    assert_eq!(erased.messages, 60);

    let left = bench.everything().to_lowercase();
    for personal in ["secret", "jane", "555", "roe"] {
        assert!(!left.contains(personal), "{personal}: {left}");
    }
    assert!(left.contains("stays"));
    assert!(!left.contains("person#"));

    let session = bench
        .state
        .sessions
        .load(&chat("c1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(session.erased_at, Some(bench.now()));
    assert_eq!(
        (session.tickets, session.survey.map(|answer| answer.stars)),
        (1, Some(5))
    );
    let ticket = bench
        .state
        .tickets
        .by_desk_id("desk-c1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ticket.origin.workflow, "password_reset");
    assert_eq!(ticket.erased_at, Some(bench.now()));
    let again = bench.state.persons.erase(EMAIL).await.unwrap();
    assert_eq!(again, state::Erased::default());
}

#[tokio::test]
async fn a_turn_that_an_erasure_overtakes_stores_nothing() {
    let bench = Bench::start().await;
    let mut session = personal_chat(&bench, "c1").await;
    let message = session.message(Author::Visitor, "late SECRET", bench.now());
    bench.state.persons.erase(EMAIL).await.unwrap();
    let late = bench
        .state
        .sessions
        .commit(session, &[message], vec![])
        .await;
    assert!(late.unwrap_err().is_conflict());
    assert!(!bench.everything().contains("SECRET"));
}

#[tokio::test]
async fn an_erasure_that_fails_anywhere_can_be_repeated() {
    use simulators::aws::Hang;

    for step in 1..=4 {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            let bench = Bench::start().await;
            personal_chat(&bench, "c1").await;
            bench.aws.hang_from(step, how);
            tokio::select! {
                done = bench.state.persons.erase(EMAIL) => panic!("step {step}: {done:?}"),
                () = bench.aws.hung() => {}
            }
            bench.aws.heal();
            bench.state.persons.erase(EMAIL).await.unwrap();
            assert!(!bench.everything().contains("SECRET"), "{step} {how:?}");
        }
    }
}
