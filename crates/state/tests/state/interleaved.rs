use proptest::prelude::*;
use serde_json::json;
use simulators::aws::Fault;
use state::{Author, Counted, Session};

use crate::harness::{Bench, chat};

/// One writer's delivery to a chat.
#[derive(Debug, Clone)]
struct Delivery {
    chat: u8,
    id: u8,
    /// Whether the writer loads anew first, or goes on from what it saw last.
    reload: bool,
    /// Whether the answer to its commit gets lost.
    lost: bool,
}

fn deliveries() -> impl Strategy<Value = Vec<(u8, Delivery)>> {
    let delivery =
        (0..2_u8, 0..12_u8, any::<bool>(), any::<bool>()).prop_map(|(chat, id, reload, lost)| {
            Delivery {
                chat,
                id,
                reload,
                lost,
            }
        });
    proptest::collection::vec((0..3_u8, delivery), 1..40)
}

async fn load(bench: &Bench, id: &str) -> Session {
    let loaded = bench.state.sessions.load(&chat(id)).await.unwrap();
    loaded.unwrap_or_else(|| Session::new(chat(id), bench.now()))
}

/// Takes a delivery unless it was taken before; tries again from a fresh load after a conflict.
async fn deliver(bench: &Bench, mut session: Session, delivery: &Delivery) -> Session {
    let (id, text) = (session.chat_id.clone(), format!("d{}", delivery.id));
    loop {
        if session.deliveries.answer_to(&text).is_some() {
            return session;
        }
        let mut next = session.clone();
        next.deliveries.remember(text.clone(), json!(text));
        let said = next.message(Author::Visitor, text.clone(), bench.now());
        let answer = next.message(Author::Bot, format!("re {text}"), bench.now());
        let counted = [Counted::Started("w".to_owned())];
        let count = bench.state.counters.write(bench.now(), &id, &counted);
        if delivery.lost {
            bench
                .aws
                .inject(Fault::lose_answer("TransactWriteItems").times(1));
        }
        let messages = [said, answer];
        let extra = count.into_iter().collect();
        let sessions = &bench.state.sessions;
        match sessions.commit(next, &messages, extra).await {
            Ok(committed) => return committed,
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
        bench.aws.heal();
        session = load(bench, id.as_str()).await;
    }
}

async fn run(steps: Vec<(u8, Delivery)>) {
    let bench = Bench::start().await;
    let mut seen = std::collections::BTreeMap::new();
    let mut expected = std::collections::BTreeSet::new();
    for (writer, delivery) in &steps {
        let id = format!("c{}", delivery.chat);
        let session = match seen.remove(&(*writer, id.clone())) {
            Some(session) if !delivery.reload => session,
            _ => load(&bench, &id).await,
        };
        let after = deliver(&bench, session, delivery).await;
        bench.aws.heal();
        expected.insert((id.clone(), format!("d{}", delivery.id)));
        seen.insert((*writer, id), after);
    }
    let mut stored = std::collections::BTreeSet::new();
    for id in ["c0", "c1"] {
        let messages = bench.state.sessions.all_messages(&chat(id)).await.unwrap();
        for (position, pair) in messages.chunks(2).enumerate() {
            assert_eq!(pair[0].seq as usize, 2 * position + 1);
            assert_eq!(pair[1].text, format!("re {}", pair[0].text));
            assert!(
                stored.insert((id.to_owned(), pair[0].text.clone())),
                "twice"
            );
        }
        let session = load(&bench, id).await;
        assert_eq!(session.version as usize, messages.len() / 2);
        assert_eq!(session.next_seq as usize, messages.len() + 1);
    }
    assert_eq!(stored, expected);
    let day = "2026-03-04".parse().unwrap();
    let days = bench.state.counters.days(day, day).await.unwrap();
    assert_eq!(days[0].workflows["w"].started as usize, expected.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_delivery_counts_once_however_writers_interleave(steps in deliveries()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
