use jiff::SignedDuration;
use serde_json::json;
use state::{Author, Consent, Paging, SurveyAnswer};

use crate::harness::{Bench, DAY, TABLE, chat, due};

#[tokio::test]
async fn a_session_reads_as_it_was_committed() {
    let bench = Bench::start().await;
    let mut session = bench.chat("c#1/é", &["hello"]).await;
    session.visitor.name = Some("John Doe".to_owned());
    session.visitor.email_verified = true;
    session.conversation =
        json!({ "step": 3, "deep": (0..60).fold(json!(1.5), |v, _| json!([v])) });
    session
        .deliveries
        .remember("d1", json!({ "text": ["hi"], "pending": false }));
    assert!(session.held.hold(4, json!({ "text": "later" })));
    session.expected_sequence = 3;
    session.tickets = 1;
    session.consent = Some(Consent {
        given: true,
        at: bench.now(),
    });
    session.survey = Some(SurveyAnswer {
        stars: 4,
        comment: None,
        at: bench.now(),
    });
    let committed = bench
        .state
        .sessions
        .commit(session, &[], vec![])
        .await
        .unwrap();
    assert_eq!(committed.version, 2);
    let loaded = bench
        .state
        .sessions
        .load(&chat("c#1/é"))
        .await
        .unwrap()
        .unwrap();
    assert!(loaded == committed);
    assert_eq!(
        loaded.deliveries.answer_to("d1"),
        Some(&json!({ "text": ["hi"], "pending": false }))
    );
    assert!(
        bench
            .state
            .sessions
            .load(&chat("c"))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn of_two_commits_at_once_one_wins_and_nothing_of_the_other_stays() {
    let bench = Bench::start().await;
    for stored in [false, true] {
        let id = format!("c{stored}");
        let base = if stored {
            bench.chat(&id, &["first"]).await
        } else {
            state::Session::new(chat(&id), bench.now())
        };
        let before = base.version;
        let turn = |text: &str| {
            let mut session = base.clone();
            session.deliveries.remember(text, json!(text));
            let message = session.message(Author::Visitor, text, bench.now());
            let mut ticket = due(&id, 1, "password_reset", bench.now());
            ticket.origin.subject = text.to_owned();
            let extra = bench.state.tickets.writes(&ticket).unwrap();
            (session, [message], extra)
        };
        let (a, b) = (turn("A"), turn("B"));
        let sessions = &bench.state.sessions;
        let (a, b) = tokio::join!(
            sessions.commit(a.0, &a.1, a.2),
            sessions.commit(b.0, &b.1, b.2)
        );
        let (winner, error, text) = match (a, b) {
            (Ok(winner), Err(error)) => (winner, error, "A"),
            (Err(error), Ok(winner)) => (winner, error, "B"),
            other => panic!("{other:?}"),
        };
        assert!(error.is_conflict(), "{error}");
        assert_eq!(winner.version, before + 1);
        let loaded = sessions.load(&chat(&id)).await.unwrap().unwrap();
        assert!(loaded == winner);
        let last = sessions
            .all_messages(&chat(&id))
            .await
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(last.text, text);
        let ticket = bench
            .state
            .tickets
            .load(&chat(&id), 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(ticket.origin.subject, text);
    }
}

#[tokio::test]
async fn a_replay_finds_its_answer_in_a_fresh_load() {
    let bench = Bench::start().await;
    let mut session = bench.chat("c1", &[]).await;
    for n in 0..70 {
        session
            .deliveries
            .remember(format!("d{n}"), json!({ "n": n }));
        session = bench
            .state
            .sessions
            .commit(session, &[], vec![])
            .await
            .unwrap();
    }
    let loaded = bench
        .state
        .sessions
        .load(&chat("c1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(loaded.version, 71);
    for (id, answer) in [("d19", None), ("d20", Some(20)), ("d69", Some(69))] {
        let expected = answer.map(|n| json!({ "n": n }));
        assert_eq!(loaded.deliveries.answer_to(id), expected.as_ref(), "{id}");
    }
}

#[tokio::test]
async fn messages_come_in_order_and_in_pages() {
    let bench = Bench::start().await;
    let texts: Vec<String> = (1..=25).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    bench.chat("c1", &texts).await;
    bench.chat("c10", &["not mine"]).await;
    let sessions = &bench.state.sessions;
    let all = sessions.all_messages(&chat("c1")).await.unwrap();
    assert_eq!(
        all.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(),
        texts
    );
    assert_eq!(
        all.iter().map(|m| m.seq).collect::<Vec<_>>(),
        (1..=25).collect::<Vec<_>>()
    );
    let mut paging = Paging::newest(10);
    let mut seen = Vec::new();
    loop {
        let page = sessions.messages(&chat("c1"), &paging).await.unwrap();
        seen.extend(page.items.iter().map(|m| m.seq));
        let Some(next) = page.next else { break };
        paging.cursor = Some(next);
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
    let rest = sessions.messages_after(&chat("c1"), 23).await.unwrap();
    assert_eq!(rest.iter().map(|m| m.seq).collect::<Vec<_>>(), [24, 25]);
}

#[tokio::test]
async fn the_chats_of_a_day_are_listed_newest_first() {
    let bench = Bench::start().await;
    for id in ["c1", "c2"] {
        bench.chat(id, &[]).await;
        bench.pass(SignedDuration::from_mins(5));
    }
    bench.pass(DAY);
    bench.chat("c3", &[]).await;
    let of_day = async |day: &str| {
        let day = day.parse().unwrap();
        let page = bench
            .state
            .sessions
            .of_day(day, &Paging::newest(9))
            .await
            .unwrap();
        let ids = page.items.iter().map(|session| session.chat_id.to_string());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(of_day("2026-03-04").await, ["c2", "c1"]);
    assert_eq!(of_day("2026-03-05").await, ["c3"]);
    assert!(of_day("2026-03-06").await.is_empty());
}

#[tokio::test]
async fn a_chat_goes_when_its_time_is_over_and_every_change_makes_it_stay() {
    let bench = Bench::start().await;
    let session = bench.chat("c1", &["hello"]).await;
    bench.pass(DAY * 80);
    bench
        .state
        .sessions
        .commit(session, &[], vec![])
        .await
        .unwrap();
    bench.pass(DAY * 11);
    let sessions = &bench.state.sessions;
    assert!(sessions.load(&chat("c1")).await.unwrap().is_some());
    assert!(
        sessions.all_messages(&chat("c1")).await.unwrap().is_empty(),
        "90 days old"
    );
    bench.pass(DAY * 80);
    assert!(sessions.load(&chat("c1")).await.unwrap().is_none());
    bench.aws.remove_expired(TABLE, bench.now());
    assert!(bench.aws.items(TABLE).is_empty());
}

#[tokio::test]
async fn deleting_a_chat_leaves_nothing_of_it_but_all_others() {
    let bench = Bench::start().await;
    for half in 0..2 {
        let mut session = match half {
            0 => bench.chat("c1", &[]).await,
            _ => bench
                .state
                .sessions
                .load(&chat("c1"))
                .await
                .unwrap()
                .unwrap(),
        };
        let messages: Vec<_> = (0..90)
            .map(|_| session.message(Author::Bot, "text", bench.now()))
            .collect();
        bench
            .state
            .sessions
            .commit(session, &messages, vec![])
            .await
            .unwrap();
    }
    bench.chat("c2", &["other"]).await;
    bench
        .ticket(due("c1", 1, "password_reset", bench.now()))
        .await;
    assert_eq!(bench.state.sessions.delete(&chat("c1")).await.unwrap(), 182);
    assert_eq!(bench.aws.items(TABLE).len(), 2);
    assert_eq!(bench.state.sessions.delete(&chat("c1")).await.unwrap(), 0);
}
