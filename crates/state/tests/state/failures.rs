use jiff::SignedDuration;
use serde_json::json;
use simulators::aws::{Fault, Hang};
use state::{Author, Condition, Error, Key, Paging, Range, Table, Write};

use crate::harness::{Bench, TABLE, chat, client};

fn key() -> Key {
    Key::new("K", "K")
}

fn put(n: u32, condition: Condition) -> Write {
    Write::put(key(), &json!({ "n": n }), condition).unwrap()
}

#[tokio::test]
async fn a_lost_answer_is_settled() {
    let bench = Bench::start().await;
    for (action, write) in [
        ("PutItem", put(1, Condition::Absent)),
        ("PutItem", put(2, Condition::Version(1))),
        ("DeleteItem", Write::delete(key(), Condition::Version(2))),
    ] {
        bench.aws.inject(Fault::lose_answer(action).times(1));
        bench.table.write(write).await.unwrap();
    }
    assert_eq!(bench.aws.calls("PutItem"), 4);
    assert!(bench.aws.items(TABLE).is_empty());

    bench
        .aws
        .inject(Fault::lose_answer("TransactWriteItems").times(2));
    let sum = Write::add(Key::new("SUM", "SUM"), [("n".to_owned(), 1)]);
    bench
        .table
        .transact(vec![put(1, Condition::Absent), sum])
        .await
        .unwrap();
    assert_eq!(bench.aws.calls("TransactWriteItems"), 3);
    assert!(
        bench.everything().contains(r#""n":{"N":"1"}"#),
        "{}",
        bench.everything()
    );
}

#[tokio::test]
async fn of_two_equal_writes_with_lost_answers_one_wins() {
    let bench = Bench::start().await;
    bench.aws.inject(Fault::lose_answer("PutItem").times(1));
    bench.table.write(put(1, Condition::Absent)).await.unwrap();
    let second = bench.table.write(put(1, Condition::Absent)).await;
    assert!(second.unwrap_err().is_conflict());
}

#[tokio::test]
async fn throttling_and_contention_pass() {
    for fault in [
        Fault::throttle("*"),
        Fault::conflict("*"),
        Fault::internal_error("*"),
    ] {
        let bench = Bench::start().await;
        bench.aws.inject(fault.clone().times(1));
        bench.table.write(put(1, Condition::Absent)).await.unwrap();
        bench.aws.inject(fault.clone().times(1));
        bench
            .table
            .transact(vec![put(2, Condition::Version(1))])
            .await
            .unwrap();
        bench.aws.inject(fault.clone().times(1));
        bench
            .table
            .add(&Key::new("S", "S"), &[("n", 1)], None)
            .await
            .unwrap();
        bench.aws.inject(fault.times(1));
        bench.table.delete(key()).await.unwrap();
    }
}

#[tokio::test]
async fn failures_say_whether_to_try_again_and_what_to_do() {
    let cases: [(Fault, bool, &str); 5] = [
        (Fault::throttle("*"), true, "run again later"),
        (Fault::internal_error("*"), true, "run again later"),
        (Fault::deny("GetItem"), false, "dynamodb:GetItem on table"),
        (Fault::deny("Query"), false, "index/listing"),
        (Fault::deny("PutItem"), false, "allow it for the table"),
    ];
    for (fault, transient, message) in cases {
        let bench = Bench::start().await;
        bench.aws.inject(fault.clone());
        let outcomes = [
            bench
                .table
                .get::<serde_json::Value>(&key())
                .await
                .map(|_| ()),
            bench
                .table
                .query::<serde_json::Value>("K", Range::All, &Paging::first(1))
                .await
                .map(|_| ()),
            bench.table.transact(vec![put(1, Condition::Absent)]).await,
            bench.table.write(put(2, Condition::Any)).await,
        ];
        let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        assert!(!errors.is_empty(), "{fault:?}");
        for error in errors {
            assert_eq!(error.is_transient(), transient, "{error}");
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.to_string().contains(TABLE), "{error}");
        }
    }
}

#[tokio::test]
async fn a_missing_table_names_itself() {
    let bench = Bench::start().await;
    let table = Table::new(client(&bench.aws), "other", bench.clock.clone());
    let error = table.write(put(1, Condition::Any)).await.unwrap_err();
    assert!(
        matches!(&error, Error::TableMissing { table } if table == "other"),
        "{error}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_process_killed_in_a_commit_leaves_all_of_it_or_nothing() {
    for (how, version) in [(Hang::BeforeEffect, 1), (Hang::AfterEffect, 2)] {
        let bench = Bench::start().await;
        let mut session = bench.chat("c1", &["one"]).await;
        let messages = [session.message(Author::Visitor, "two", bench.now())];
        let note = bench
            .state
            .persons
            .note("a@b.example", &chat("c1"))
            .unwrap();
        bench.aws.hang_from(1, how);
        let commit = bench.state.sessions.commit(session, &messages, vec![note]);
        tokio::select! {
            _ = commit => panic!("the commit was answered"),
            () = bench.aws.hung() => {}
        }
        bench.aws.heal();
        let session = bench
            .state
            .sessions
            .load(&chat("c1"))
            .await
            .unwrap()
            .unwrap();
        let messages = bench
            .state
            .sessions
            .all_messages(&chat("c1"))
            .await
            .unwrap();
        let chats = bench.state.persons.chats("a@b.example").await.unwrap();
        assert_eq!(session.version, version);
        assert_eq!(messages.len() as u64, version);
        assert_eq!(chats.len() as u64, version - 1);
    }
}

#[tokio::test]
async fn a_lease_that_its_dead_holder_kept_is_free_after_its_time() {
    let bench = Bench::start().await;
    let length = SignedDuration::from_secs(30);
    bench.aws.hang_from(1, Hang::AfterEffect);
    tokio::select! {
        _ = bench.state.leases.claim("chat c1", "dead", length) => panic!("answered"),
        () = bench.aws.hung() => {}
    }
    bench.aws.heal();
    let claim = || bench.state.leases.claim("chat c1", "alive", length);
    assert_eq!(claim().await.unwrap(), None);
    bench.pass(length);
    assert!(claim().await.unwrap().is_some());
}
